import * as v from 'valibot';
import { whyNotJson, type Doc, type Json } from '../../shared/json.ts';
import { RECORD_BYTES_MAX, TRANSPORT_LIMITS } from '../../shared/limits.ts';
import { BatchNameSchema } from '../../shared/exchange.ts';
import { mapOf, RevisionSchema } from '../../shared/mutation.ts';
import { ReasonSchema } from '../../shared/verdict.ts';
import type { Net } from '../outbox/net.ts';
import { DELIVERY_STATES, type Delivery } from '../outbox/delivery.ts';
import type { Mark, Pending, ReplicaRecord } from './record.ts';
import type { Replica } from './replica.ts';

/**
 * What the engine's rows look like. A script in the app's origin can write anything into them, so each row is checked when it is read
 * (law 10). Keys that are not named here are let through: a newer version may have written them, and nothing reads them.
 */
const text = v.string();
/** A batch never has more bytes, so it never has more characters; a single record that is over the limit makes a batch of its own. */
const BATCH_CHARS_MAX = 2 * TRANSPORT_LIMITS.plugin.batchBytesMax;
const time = v.number();
const isJson = (value: unknown): boolean => whyNotJson(value) === undefined && lengthOf(value) <= RECORD_BYTES_MAX;
const FieldsSchema = mapOf<Json>(isJson);
export const JsonValueSchema = v.custom<Json>(isJson);
export const StoredDocSchema = v.custom<Doc>(isDoc, 'a JSON object with an "id", no larger than a record may be');

function isDoc(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' && !Array.isArray(value) && isJson(value);
}

/** Characters of all texts and names in it, at most those of the record's JSON text. Of a list only what JSON knows: a name beside its items may lead back to it. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  if (Array.isArray(value)) return value.reduce((sum: number, item: unknown) => sum + lengthOf(item), 0);
  return Object.entries(value).reduce((sum, [key, item]) => sum + key.length + lengthOf(item), 0);
}

const NetSchema: v.GenericSchema<unknown, Net> = v.variant('kind', [
  v.object({ kind: v.literal('edit'), set: FieldsSchema, removed: v.array(text), inc: mapOf<number>(Number.isFinite) }),
  v.object({ kind: v.literal('delete') }),
]);
const PendingSchema: v.GenericSchema<unknown, Pending> = v.object({
  net: NetSchema,
  firstSeq: RevisionSchema,
  lastSeq: RevisionSchema,
  at: v.exactOptional(time),
});
const MarkSchema: v.GenericSchema<unknown, Mark> = v.object({
  conflictId: text,
  reason: v.picklist(['edited', 'deleted-there', 'deleted-here', 'forked', 'invalid-merge']),
  fields: v.union([v.literal('*'), v.array(text)]),
  base: v.nullable(StoredDocSchema),
});

export const RecordSchema: v.GenericSchema<unknown, ReplicaRecord> = v.looseObject({
  collection: text,
  id: text,
  base: v.nullable(StoredDocSchema),
  revision: RevisionSchema,
  value: v.nullable(StoredDocSchema),
  sealed: v.exactOptional(PendingSchema),
  pending: v.exactOptional(PendingSchema),
  mark: v.exactOptional(MarkSchema),
  rejection: v.exactOptional(v.object({ reason: ReasonSchema, at: time })),
  refusals: v.exactOptional(RevisionSchema),
  generation: RevisionSchema,
  run: v.exactOptional(text),
});

/** Only what is frozen and sent: the states are the state machine's own. */
export const DeliverySchema = v.custom<Delivery>((row) => v.is(DeliveryShape, row));
const DeliveryShape = v.looseObject({
  deliveryId: text,
  lane: text,
  state: v.looseObject({
    kind: v.picklist(DELIVERY_STATES),
    attempt: v.exactOptional(RevisionSchema),
    runId: v.exactOptional(text),
    retryAt: v.exactOptional(time),
  }),
  number: v.exactOptional(RevisionSchema),
  nonce: v.exactOptional(text),
  batch: v.exactOptional(v.pipe(text, v.maxLength(BATCH_CHARS_MAX))),
  epoch: v.exactOptional(v.nullable(text)),
  oldestAt: v.exactOptional(time),
  refusal: v.exactOptional(ReasonSchema),
});

/** Who the replica is and how far it got. What only schedules decides nothing about correctness, but what is no number would stop each drain that counts with it. */
export const ReplicaSchema = v.custom<Replica>((row) => v.is(ReplicaShape, row));
const ReplicaShape = v.looseObject({
  user: text,
  replicaId: text,
  logId: text,
  epoch: v.nullable(text),
  last: v.nullable(BatchNameSchema),
  onItsWay: v.exactOptional(RevisionSchema),
  since: RevisionSchema,
  floor: RevisionSchema,
  generation: RevisionSchema,
  rereading: v.boolean(),
  ready: v.boolean(),
  seq: RevisionSchema,
  mutationsMax: v.pipe(RevisionSchema, v.minValue(1)),
  bytesMax: v.exactOptional(v.pipe(RevisionSchema, v.minValue(1))),
  holding: text,
  backoff: v.nullable(v.looseObject({ for: text, failures: RevisionSchema, until: v.exactOptional(time) })),
  auth: v.looseObject({ kind: v.picklist(['none', 'cookie', 'memory', 'sealed']), required: v.nullable(text), signIns: RevisionSchema }),
  isSyncStuck: v.exactOptional(v.boolean()),
  circuit: v.exactOptional(v.looseObject({ kind: v.literal('open'), failures: RevisionSchema, until: time })),
  lastExchangeAt: v.exactOptional(time),
  lastPullAt: v.exactOptional(time),
  lockedAt: v.exactOptional(RevisionSchema),
  quarantinedTold: v.exactOptional(RevisionSchema),
  lost: v.exactOptional(v.looseObject({ at: time, unsent: RevisionSchema, restored: RevisionSchema })),
  bytes: v.exactOptional(v.looseObject({ sent: time, received: time })),
  via: v.exactOptional(v.picklist(['plugin', 'dag'])),
});
