import type { TransportLimits } from '../../shared/limits.ts';
import { utf8Bytes } from '../../shared/json.ts';
import type { Mutation } from '../../shared/mutation.ts';
import type { Pending, ReplicaRecord } from '../store/record.ts';
import type { Net } from './net.ts';
import { sealRecord } from './seal-record.ts';

/** What sealing does: a frozen batch, the records in it, and those that had nothing to say any more. */
export interface Sealing {
  readonly batch: string | undefined;
  readonly sealed: readonly ReplicaRecord[];
  readonly settledLocally: readonly ReplicaRecord[];
}

/** Room for everything in a batch but its mutations. */
export const BATCH_HEAD_BYTES = 100;

/** Around a JSON string. */
const QUOTES = 2;

/** Room for everything in a request but the batch. */
const REQUEST_HEAD_BYTES = 2_000;

/**
 * Freezes the net change of each sendable record, oldest first, up to the batch limits. An empty net settles here, or it never would.
 * Pure. Base revisions are read now, not at capture; rebase keeps them true to what the author saw.
 */
export function sealBatch(records: readonly ReplicaRecord[], name: { readonly number: number; readonly nonce: string }, limits: TransportLimits): Sealing {
  const { batchMutationsMax, batchBytesMax, requestBytesMax } = limits;
  const sealed: ReplicaRecord[] = [];
  const settledLocally: ReplicaRecord[] = [];
  /** Of each mutation its JSON text: written once, weighed, and joined. */
  const mutations: string[] = [];
  let bytes = BATCH_HEAD_BYTES;
  let requestBytes = REQUEST_HEAD_BYTES;
  for (const record of records) {
    if (mutations.length >= batchMutationsMax) break;
    if (!record.pending) continue;
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
  }
  return { batch: mutations.length > 0 ? batchText(name, mutations) : undefined, sealed, settledLocally };
}

/** Does what sealing these records will take, as far as it depends on nothing else. */
export function prepareToSeal(records: readonly ReplicaRecord[]): void {
  for (const record of records) {
    const { sealed } = sealRecord(record);
    if (record.pending && sealed) mutationText(record, sealed);
  }
}

/** A mutation as JSON text, and what it takes: alone, and inside the request, where quotes and line ends of the batch take twice the room. */
interface MutationText {
  readonly text: string;
  readonly bytes: number;
  readonly requestBytes: number;
}
/** By the change in its sealed form. */
const texts = new WeakMap<Pending, MutationText>();

function mutationText(record: ReplicaRecord, sealed: Pending): MutationText {
  const known = texts.get(sealed);
  if (known) return known;
  const text = JSON.stringify(toMutation(record, sealed));
  const bytes = utf8Bytes(text);
  // In JSON text all else that would have to be escaped is escaped already.
  const made = { text, bytes, requestBytes: bytes + QUOTES + (text.match(/["\\]/g)?.length ?? 0) };
  texts.set(sealed, made);
  return made;
}

/** The JSON text of a `Batch`. */
function batchText(name: { readonly number: number; readonly nonce: string }, mutations: readonly string[]): string {
  const { number, nonce } = name;
  return `${JSON.stringify({ number, nonce }).slice(0, -1)},"mutations":[${mutations.join(',')}]}`;
}

function toMutation(record: ReplicaRecord, pending: Pending): Mutation {
  const { net, firstSeq, lastSeq } = pending;
  const head = { collection: record.collection, id: record.id, firstSeq, lastSeq, baseRevision: record.revision };
  if (__UPDRAFT_PLANTED_BUG__ === 'base-revision-at-capture') Object.assign(head, revisionIn(pending));
  return net.kind === 'delete' ? { ...head, op: 'delete' } : { ...head, ...toOp(net, record.base === null) };
}

/** Of the planted bug alone. */
const revisionIn = (pending: object): object => ('baseRevision' in pending ? { baseRevision: pending.baseRevision } : {});

/** `create` only where the base is absent: a put of the whole document would remove fields its author never saw. */
function toOp(net: Exclude<Net, { kind: 'delete' }>, isNew: boolean): Pick<Mutation, 'op' | 'set' | 'removed' | 'inc'> {
  if (isNew) return { op: 'create', set: net.set };
  return {
    op: 'patch',
    ...(Object.keys(net.set).length > 0 ? { set: net.set } : {}),
    ...(net.removed.length > 0 ? { removed: [...net.removed] } : {}),
    ...(Object.keys(net.inc).length > 0 ? { inc: net.inc } : {}),
  };
}
