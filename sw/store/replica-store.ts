import { Dexie, type Transaction } from 'dexie';
import type { Declarations } from '../../shared/collections.ts';
import type { HistoryEntry, HistoryFact, HistoryFilter } from '../../shared/history.ts';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import type { Query } from '../../shared/row.ts';
import type { Delivery } from '../outbox/delivery.ts';
import { CallTable } from './call-table.ts';
import { type AnsweredRequest, type IndexedDb, openDatabase, type SealedToken, TABLE_NAMES, tablesOf, type Tables } from './database.ts';
import { appendHistory, readHistory } from './history-log.ts';
import { indexKeys, queryRange } from './indexes.ts';
import { absent, isForgettable, isSendable, type ReplicaRecord } from './record.ts';
import type { Replica } from './replica.ts';
import { toStored, toRecord } from './stored-record.ts';

const EVENTS_KEPT_MAX = 1_000;
const REQUESTS_KEPT_MS = 7 * 24 * 3_600_000;

/** What the engine needs of the replica's store. */
export interface Store {
  readonly write: <T>(body: (tx: ReplicaTx) => Promise<T>) => Promise<T>;
  readonly read: <T>(body: (tx: ReplicaTx) => Promise<T>) => Promise<T>;
  readonly destroy: () => Promise<void>;
}

/** The only door to the replica. Reads and writes happen inside `read` or `write`: one transaction each, never across a network call (law 2). */
export class ReplicaStore implements Store {
  readonly #db: Dexie;
  readonly #declarations: Declarations;
  constructor(user: string, declarations: Declarations, indexedDb?: IndexedDb) {
    this.#db = openDatabase(user, indexedDb);
    this.#declarations = declarations;
  }

  /** One strict transaction: all of it or nothing; durable when it resolves. Only awaits of `tx` are allowed inside. */
  write<T>(body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#transaction('rw', body);
  }

  read<T>(body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#transaction('r', body);
  }

  async #transaction<T>(mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#db.transaction(mode, TABLE_NAMES, (transaction: Transaction) => body(new ReplicaTx(tablesOf(transaction), this.#declarations)));
  }

  close(): void {
    this.#db.close();
  }

  /** Deletes the replica with everything in it. */
  async destroy(): Promise<void> {
    await this.#db.delete();
  }
}

/** The browser has emptied the database while it was open. It is opened anew, and restored. */
export class EmptiedError extends Error {}

/** What can be done inside one transaction. */
export class ReplicaTx {
  readonly #tables: Tables;
  readonly #declarations: Declarations;
  /** Queued Airflow operations. */
  readonly calls: CallTable;
  constructor(tables: Tables, declarations: Declarations) {
    this.#tables = tables;
    this.calls = new CallTable(tables.calls, tables.inputs);
    this.#declarations = declarations;
  }

  /** The replica's row, if this database has one yet. */
  async findReplica(): Promise<Replica | undefined> {
    return this.#tables.replica.get('replica');
  }
  /** The replica's row. It is made when the replica is opened; its absence means that the database was emptied behind our back. */
  async replica(): Promise<Replica> {
    const replica = await this.findReplica();
    if (!replica) throw new EmptiedError('the replica has no row: its database was emptied while it was open');
    return replica;
  }
  async putReplica(replica: Replica): Promise<void> {
    await this.#tables.replica.put({ ...replica, key: 'replica' });
  }

  async record(collection: string, id: string, generation: number): Promise<ReplicaRecord> {
    const stored = await this.#tables.records.get([collection, id]);
    return stored ? toRecord(stored) : absent(collection, id, generation);
  }
  /** Many at once, in the order asked for. */
  async recordsOf(keys: readonly (readonly [string, string])[], generation: number): Promise<ReplicaRecord[]> {
    const stored = await this.#tables.records.bulkGet(keys as [string, string][]);
    return stored.map((row, index) => (row ? toRecord(row) : absent(keys[index]?.[0] ?? '', keys[index]?.[1] ?? '', generation)));
  }
  async putRecords(records: readonly ReplicaRecord[]): Promise<void> {
    const [forgotten, kept] = [records.filter(isForgettable), records.filter((record) => !isForgettable(record))];
    await this.#tables.records.bulkPut(kept.map((record) => toStored(record, indexKeys(record, this.#declarations), isSendable(record))));
    if (forgotten.length > 0) await this.#tables.records.bulkDelete(forgotten.map((record): [string, string] => [record.collection, record.id]));
  }

  /** Records whose change may travel, oldest capture first. */
  async sendable(limit: number): Promise<ReplicaRecord[]> {
    return (await this.#tables.records.orderBy('sendable').limit(limit).toArray()).map(toRecord);
  }
  async hasSendable(): Promise<boolean> {
    return (await this.#tables.records.orderBy('sendable').limit(1).count()) > 0;
  }
  async inBatch(): Promise<ReplicaRecord[]> {
    return (await this.#tables.records.where('inBatch').equals(1).toArray()).map(toRecord);
  }
  async conflicted(): Promise<ReplicaRecord[]> {
    return (await this.#tables.records.orderBy('conflictId').toArray()).map(toRecord);
  }
  async withConflict(conflictId: string): Promise<ReplicaRecord | undefined> {
    const stored = await this.#tables.records.where('conflictId').equals(conflictId).first();
    return stored && toRecord(stored);
  }
  async rejected(): Promise<ReplicaRecord[]> {
    return (await this.#tables.records.where('rejected').equals(1).toArray()).map(toRecord);
  }
  async unsettled(): Promise<ReplicaRecord[]> {
    return (await this.#tables.records.where('unsettled').equals(1).toArray()).map(toRecord);
  }
  async counts(): Promise<{ unsent: number; pendingCalls: number; conflicts: number; deadLetters: number }> {
    const { records } = this.#tables;
    const [unsent, conflicts, rejected, calls] = await Promise.all([
      records.where('unsettled').equals(1).count(),
      records.orderBy('conflictId').count(),
      records.where('rejected').equals(1).count(),
      this.calls.counts(),
    ]);
    return { unsent, pendingCalls: calls.unsent + calls.followed, conflicts, deadLetters: rejected + calls.dead };
  }
  /** Rows that no page of the current re-read has confirmed. */
  async unverified(generation: number, limit: number): Promise<ReplicaRecord[]> {
    return (await this.#tables.records.where('generation').below(generation).limit(limit).toArray()).map(toRecord);
  }
  async query(collection: string, query: Query): Promise<ReplicaRecord[]> {
    const range = queryRange(collection, query);
    const rows = this.#tables.records.where(range.index).between(range.lower, range.upper, true, true);
    const ordered = query.order === 'descending' ? rows.reverse() : rows;
    // Deleted records stay as rows until they are forgotten; the page does not see them.
    return (
      await ordered
        .filter((row) => row.value !== null)
        .limit(range.limit)
        .toArray()
    ).map(toRecord);
  }

  async deliveries(): Promise<Delivery[]> {
    return this.#tables.deliveries.toArray();
  }
  async putDelivery(delivery: Delivery): Promise<void> {
    await this.#tables.deliveries.put(delivery);
  }
  async deleteDelivery(deliveryId: string): Promise<void> {
    await this.#tables.deliveries.delete(deliveryId);
  }

  /** Appends to the bounded event log and returns the events with their cursors. */
  async logEvents(events: readonly UpdraftEvent[]): Promise<LoggedEvent[]> {
    if (events.length === 0) return [];
    const last = await this.cursor();
    const logged = events.map((event, index): LoggedEvent => ({ ...event, cursor: last + 1 + index }));
    const cursor = last + logged.length;
    await this.#tables.events.put({ cursor, events: logged.slice(-EVENTS_KEPT_MAX) });
    await this.#tables.events
      .where('cursor')
      .belowOrEqual(cursor - EVENTS_KEPT_MAX)
      .delete();
    return logged;
  }
  async cursor(): Promise<number> {
    const [last] = await this.#tables.events.orderBy('cursor').reverse().limit(1).primaryKeys();
    return last ?? 0;
  }
  /** Events after the cursor; `complete` is false when older ones are no longer kept. */
  async eventsAfter(cursor: number): Promise<{ events: LoggedEvent[]; complete: boolean }> {
    const oldestKept = (await this.cursor()) - EVENTS_KEPT_MAX + 1;
    const groups = await this.#tables.events.where('cursor').above(cursor).toArray();
    const events = groups.flatMap((group) => group.events).filter((event) => event.cursor > cursor && event.cursor >= oldestKept);
    return { events, complete: cursor + 1 >= oldestKept };
  }

  /** Appends to the bounded log of the engine's work, in the same transaction as what it tells of. `at`: ms since 1970. */
  async appendHistory(at: number, facts: readonly HistoryFact[]): Promise<void> {
    await appendHistory(this.#tables.history, at, facts);
  }
  async history(filter: HistoryFilter): Promise<HistoryEntry[]> {
    return readHistory(this.#tables.history, filter);
  }

  async answer(requestId: string): Promise<unknown> {
    return (await this.#tables.requests.get(requestId))?.answer;
  }
  /** Many at once, in the order asked for. */
  async answers(requestIds: readonly string[]): Promise<unknown[]> {
    return (await this.#tables.requests.bulkGet([...requestIds])).map((row) => row?.answer);
  }
  async putAnswer(requestId: string, at: number, answer: unknown): Promise<void> {
    await this.putAnswers(at, [{ requestId, answer }]);
  }
  async putAnswers(at: number, given: readonly { readonly requestId: string; readonly answer: unknown }[]): Promise<void> {
    await this.#tables.requests.bulkPut(given.map(({ requestId, answer }) => ({ requestId, at, answer })));
  }
  async pruneAnswers(now: number): Promise<void> {
    await this.#tables.requests
      .where('at')
      .below(now - REQUESTS_KEPT_MS)
      .delete();
  }

  /** The newest answers, for requests that may still be repeated. */
  async newestAnswers(limit: number): Promise<AnsweredRequest[]> {
    return this.#tables.requests.orderBy('at').reverse().limit(limit).toArray();
  }

  /** Empties what the replica is made of; what only tells of it stays. */
  async empty(): Promise<void> {
    const { records, deliveries, replica, events, requests } = this.#tables;
    for (const table of [records, deliveries, replica, events, requests]) await table.clear();
  }

  /** Empties every table. */
  async wipe(): Promise<void> {
    for (const table of Object.values(this.#tables)) await table.clear();
  }

  async sealedToken(): Promise<SealedToken | undefined> {
    return this.#tables.secrets.get('token');
  }
  async putSealedToken(token: SealedToken): Promise<void> {
    await this.#tables.secrets.put(token);
  }
  async deleteSealedToken(): Promise<void> {
    await this.#tables.secrets.delete('token');
  }
}

/** Whether a failure means that the browser could not write (full disk, quota, private mode). */
export const isStorageError = (error: unknown): boolean => error instanceof Dexie.DexieError;
