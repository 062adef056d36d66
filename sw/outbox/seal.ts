import type { PartName } from '../../shared/edit.ts';
import type { TransportLimits } from '../../shared/limits.ts';
import { own, utf8Bytes, type Json } from '../../shared/json.ts';
import type { Mutation } from '../../shared/mutation.ts';
import type { Pending, ReplicaRecord } from '../record/record.ts';
import { applyChange, netToSend } from '../record/apply-change.ts';
import { toWire, type Edit } from '../record/net.ts';
import { sealRecord } from '../record/seal-record.ts';

/**
 * The result of sealing: the batch's bytes, the records in the batch, and the records with an empty
 * net.
 */
export interface Sealing {
  readonly batch: string | undefined;
  readonly sealed: readonly ReplicaRecord[];
  readonly settledLocally: readonly ReplicaRecord[];
}

/** Bytes reserved for everything in a batch but its mutations. */
export const BATCH_HEAD_BYTES = 100;

/** Bytes of the quotes around a JSON string. */
const QUOTES = 2;

/** Bytes reserved for everything in a request but the batch. */
const REQUEST_HEAD_BYTES = 2_000;

/**
 * Seals the net change of each sendable record, oldest first, up to the batch limits. A record with
 * an empty net settles here, because no verdict will ever settle the record. Pure. Base revisions
 * are read now, not at capture; rebase keeps the base true to the author's view.
 */
export function sealBatch(
  records: readonly ReplicaRecord[],
  name: { readonly number: number; readonly nonce: string },
  limits: TransportLimits,
): Sealing {
  const { batchMutationsMax, batchBytesMax, requestBytesMax } = limits;
  const sealed: ReplicaRecord[] = [];
  const settledLocally: ReplicaRecord[] = [];
  /** The JSON text of each mutation: made once, measured and joined. */
  const mutations: string[] = [];
  let bytes = BATCH_HEAD_BYTES;
  let requestBytes = REQUEST_HEAD_BYTES;
  for (const record of records) {
    if (mutations.length >= batchMutationsMax) break;
    if (!record.pending) continue;
    if (record.alone && mutations.length > 0) break;
    const inBatch = sealRecord(record);
    if (!inBatch.sealed) {
      settledLocally.push(record);
      continue;
    }
    const mutation = mutationText(record, inBatch.sealed);
    bytes += mutation.bytes + 1;
    requestBytes += mutation.requestBytes + 1;
    if ((bytes > batchBytesMax || requestBytes > requestBytesMax) && mutations.length > 0) break;
    mutations.push(mutation.text);
    sealed.push(inBatch);
    if (record.alone) break;
  }
  return {
    batch: mutations.length > 0 ? batchText(name, mutations) : undefined,
    sealed,
    settledLocally,
  };
}

/** Prepares the texts that sealing these records will need, as far as possible in advance. */
export function prepareToSeal(records: readonly ReplicaRecord[]): void {
  for (const record of records) {
    const { sealed } = sealRecord(record);
    if (record.pending && sealed) mutationText(record, sealed);
  }
}

/**
 * A mutation as JSON text, with its size alone and inside the request, where quotes and backslashes
 * of the batch are escaped.
 */
interface MutationText {
  readonly text: string;
  readonly bytes: number;
  readonly requestBytes: number;
}
/** Keyed by the sealed change. */
const texts = new WeakMap<Pending, MutationText>();

function mutationText(record: ReplicaRecord, sealed: Pending): MutationText {
  const known = texts.get(sealed);
  if (known) return known;
  const text = JSON.stringify(toMutation(record, sealed));
  const bytes = utf8Bytes(text);
  // JSON text holds no other characters that need escaping.
  const made = { text, bytes, requestBytes: bytes + QUOTES + (text.match(/["\\]/g)?.length ?? 0) };
  texts.set(sealed, made);
  return made;
}

/** The JSON text of a `Batch`. */
function batchText(
  name: { readonly number: number; readonly nonce: string },
  mutations: readonly string[],
): string {
  const { number, nonce } = name;
  return `${JSON.stringify({ number, nonce }).slice(0, -1)},"mutations":[${mutations.join(',')}]}`;
}

function toMutation(record: ReplicaRecord, pending: Pending): Mutation {
  const { firstSeq, lastSeq } = pending;
  const net = netToSend(record.base, pending, record.id);
  const head = {
    collection: record.collection,
    id: record.id,
    firstSeq,
    lastSeq,
    baseRevision: record.revision,
  };
  if (__UPDRAFT_PLANTED_BUG__ === 'base-revision-at-capture')
    Object.assign(head, revisionIn(pending));
  if (net.kind === 'delete') return { ...head, op: 'delete' };
  if (__UPDRAFT_PLANTED_BUG__ === 'elements-sent-as-value')
    return { ...head, ...toOp(asValues(net, record, pending), record.base === null) };
  return { ...head, ...toOp(net, record.base === null) };
}

/** Used by the planted bug alone. */
const revisionIn = (pending: object): object =>
  'baseRevision' in pending ? { baseRevision: pending.baseRevision } : {};

/** Used by the planted bug alone. */
function asValues({ elements = {}, ...net }: Edit, record: ReplicaRecord, pending: Pending): Edit {
  const whole = applyChange(record.base, pending, record.id);
  const lists = Object.keys(elements).map((field) => [field, own<Json>(whole, field) ?? null]);
  return { ...net, set: { ...net.set, ...(Object.fromEntries(lists) as Edit['set']) } };
}

/**
 * The wire form of a net change. `create` only where the base is absent: a put of the whole
 * document would remove fields that its author never saw.
 */
function toOp(net: Edit, isNew: boolean): Pick<Mutation, 'op' | PartName> {
  if (isNew) return { op: 'create', set: net.set };
  return { op: 'patch', ...toWire(net) };
}
