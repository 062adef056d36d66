import { hashBatch } from '../../shared/batch.ts';
import type { ExchangeResponse } from '../../shared/exchange.ts';
import { jsonEquals, type Doc } from '../../shared/json.ts';
import type { TransportName } from '../../shared/limits.ts';
import { Declared, type Author } from './declared.ts';
import { Epochs } from './epochs.ts';
import { told } from './ledger.ts';
import { applyAll, copyOf, keyOf, namesOf, write, type StoreState } from './memory-store.ts';
import {
  InvalidRequest,
  isObject,
  problem,
  type AnyMutation,
  type ServerMutation,
} from './mutation.ts';
import { readPage } from './page.ts';
import { invalid, readRequest, type Asked } from './request.ts';
import { frame, refusal, settle } from './settle.ts';

/** Changes that the server refuses because a test says so; without an id all of a collection. */
export interface Refusal {
  readonly collection: string;
  readonly id?: string;
  readonly message: string;
}

/** Options that the golden exchanges need; an app's test needs none. */
export interface ServerOptions {
  /** Whether the epoch is also kept outside the store, where no backup reaches. */
  readonly keepsEpochOutside?: boolean;
  /** Whether answers carry proofs. */
  readonly givesProofs?: boolean;
}

/**
 * Airflow's half of the exchange in memory, by docs/protocol.md. Holds against every golden
 * exchange of shared/contract/; for tests of apps, without DAGs, limits on users, or sources.
 */
export class MemoryServer {
  declared: Declared;
  #state: StoreState = {
    epoch: 'e1',
    revision: 0,
    horizon: 0,
    records: new Map(),
    gone: new Map(),
    ledger: new Map(),
  };
  readonly #epochs: Epochs;
  readonly #refusals = new Set<Refusal>();

  constructor(
    collections: unknown,
    { keepsEpochOutside = false, givesProofs = false }: ServerOptions = {},
  ) {
    this.declared = new Declared(collections);
    this.#epochs = new Epochs(keepsEpochOutside, givesProofs);
  }

  /** Answers an exchange of the authenticated user; all its effects, or none. */
  async exchange(
    request: unknown,
    user: string,
    transport: TransportName = 'plugin',
  ): Promise<ExchangeResponse> {
    const batch = isObject(request) ? request['batch'] : undefined;
    const hash = typeof batch === 'string' ? await hashBatch(batch) : undefined;
    let asked: Asked | undefined;
    try {
      asked = readRequest(request, hash, transport);
      return this.#answer(this.#refused(asked), { user, transport });
    } catch (error) {
      if (!(error instanceof InvalidRequest)) throw error;
      return { ...invalid(request, error.reason), ...(asked && { epoch: asked.epoch }) };
    }
  }

  /** The request with its refused mutations marked so. */
  #refused(asked: Asked): Asked {
    if (!asked.batch || this.#refusals.size === 0) return asked;
    const mutations = asked.batch.mutations.map((mutation): AnyMutation => {
      const { collection, id } = mutation;
      const refusal = [...this.#refusals].find(
        (one) => one.collection === collection && (one.id ?? id) === id,
      );
      return refusal ? { collection, id, problem: problem('schema', refusal.message) } : mutation;
    });
    return { ...asked, batch: { ...asked.batch, mutations } };
  }

  #answer(asked: Asked, author: Author): ExchangeResponse {
    const state = copyOf(this.#state);
    const entry = state.ledger.get(asked.replicaId);
    if (asked.user !== author.user || (entry && entry.user !== author.user))
      return refusal(asked, state.epoch, { refused: 'user_mismatch' });
    const epoch = this.#epochs.of(asked, entry, state);
    const answer = settle(state, asked, entry, epoch, author, this.declared);
    if (answer.refused === 'fork' || answer.refused === 'invalid') {
      this.#state.epoch = state.epoch;
      return refusal(asked, epoch, answer);
    }
    const reset = asked.epoch !== epoch || state.horizon > Math.max(asked.since, asked.floor);
    const settled = reset ? [] : (answer.verdicts ?? []);
    const since = reset ? 0 : asked.since;
    const page = readPage(state, author, this.declared, since, asked.limit, settled);
    const upTo = reset ? state.revision : Math.max(page.upTo, asked.floor);
    const now =
      answer.entry && told(entry, answer.entry, upTo, state.revision, () => crypto.randomUUID());
    if (now) state.ledger.set(asked.replicaId, now);
    const proof = now && this.#epochs.prove(asked, now);
    this.#state = state;
    return {
      ...frame(asked, epoch),
      reset,
      start: reset ? state.revision : asked.floor,
      ...page,
      changes: [...page.changes],
      ...(answer.refused && { refused: answer.refused }),
      ...(answer.verdicts && { verdicts: [...answer.verdicts] }),
      ...(proof === undefined ? {} : { proof }),
      ...(asked.holds && { undeclared: this.declared.undeclared(asked.holds, author.transport) }),
    };
  }

  /** Puts another collections.json in force. */
  declare(collections: unknown): void {
    this.declared = new Declared(collections);
  }

  /** Returns a record as stored, or null. */
  record(collection: string, id: string): Doc | null {
    const stored = this.#state.records.get(keyOf(collection, id));
    return stored && !stored.deleted ? { id, ...stored.fields } : null;
  }

  /** Returns a collection's records, in the order of their ids. */
  records(collection: string): Doc[] {
    return [...this.#state.records.keys()]
      .map(namesOf)
      .filter(([name]) => name === collection)
      .flatMap(([name, id]) => this.record(name, id) ?? [])
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Makes the store hold this whole record, as a DAG does. Throws where its schema refuses it. */
  put(collection: string, record: Doc, owner: string | null = null): void {
    const { id, ...fields } = record;
    const before = this.record(collection, id);
    const { revision } = this.#state;
    const set = Object.fromEntries(
      Object.entries(fields).filter(
        ([name, value]) =>
          !before || !Object.hasOwn(before, name) || !jsonEquals(before[name], value),
      ),
    );
    const removed = Object.keys(before ?? {}).filter((name) => !Object.hasOwn(record, name));
    const op = before ? 'patch' : 'create';
    if (before && Object.keys(set).length + removed.length === 0) return;
    this.#asAirflow(
      { collection, id, baseRevision: revision, op, set, removed, inc: {}, elements: {} },
      owner,
    );
  }

  delete(collection: string, id: string): void {
    const { revision: baseRevision } = this.#state;
    const nothing = { set: {}, removed: [], inc: {}, elements: {} };
    this.#asAirflow({ collection, id, baseRevision, op: 'delete', ...nothing }, null);
  }

  /** Makes a record another user's. */
  give(collection: string, id: string, owner: string): void {
    const state = copyOf(this.#state);
    const key = keyOf(collection, id);
    const stored = state.records.get(key);
    if (!stored || stored.owner === owner) return;
    state.revision += 1;
    write(state, key, { ...stored, owner, revision: state.revision }, this.declared);
    this.#state = state;
  }

  /** Forgets the tombstones up to a revision. */
  prune(horizon: number): void {
    this.#state.horizon = horizon;
    for (const [key, { deleted, revision }] of this.#state.records)
      if (deleted && revision <= horizon) this.#state.records.delete(key);
    for (const [place, revision] of this.#state.gone)
      if (revision <= horizon) this.#state.gone.delete(place);
  }

  /** The command `new-epoch`. */
  renew(): void {
    this.#epochs.renew(this.#state);
  }

  /** Refuses such changes until the returned function is called. */
  refuse(refusal: Refusal): () => void {
    this.#refusals.add(refusal);
    return () => void this.#refusals.delete(refusal);
  }

  backup(): StoreState {
    return copyOf(this.#state);
  }

  restore(backup: StoreState): void {
    this.#state = copyOf(backup);
  }

  #asAirflow(mutation: ServerMutation, owner: string | null): void {
    const state = copyOf(this.#state);
    const author: Author = { user: owner, transport: 'plugin', isAirflow: true };
    const [verdict] = applyAll(state, [mutation], author, this.declared);
    if (verdict?.verdict === 'rejected')
      throw new Error(
        `The record ${mutation.id} was not written: ${verdict.reason.message}. Change the test's ` +
          'record, or the schema of its collection.',
      );
    this.#state = state;
  }
}
