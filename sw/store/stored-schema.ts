import * as v from 'valibot';
import type { PartName } from '../../shared/edit.ts';
import type { Doc, Json } from '../../shared/json.ts';
import { isDoc, isJson } from '../record/doc.ts';
import { RECORD_BYTES_MAX, TRANSPORT_LIMITS } from '../../shared/limits.ts';
import { TRANSPORT_NAMES } from '../../shared/transports.ts';
import { BatchNameSchema } from '../../shared/exchange.ts';
import { ElementsByField, mapOf, RevisionSchema } from '../../shared/mutation.ts';
import { ReasonSchema } from '../../shared/verdict.ts';
import type { Net } from '../record/net.ts';
import { DELIVERY_STATES, type Delivery } from '../state/delivery.ts';
import type { Mark, Pending, ReplicaRecord } from '../record/record.ts';
import type { Replica } from '../state/replica.ts';
import { storedAs } from './stored-as.ts';

/**
 * Schemas of the engine's rows. A script in the app's origin can write anything into the database,
 * so each row is checked when read (law 10). Keys that no schema names are let through: a newer
 * version may have written such keys, and this version reads none.
 */
const text = v.string();
/**
 * No batch has more bytes, so none has more characters. A single record over the limit makes a
 * batch of its own, hence the factor.
 */
const BATCH_CHARS_MAX = 2 * TRANSPORT_LIMITS.plugin.batchBytesMax;
const time = v.number();
/** A value that is stored and that no reader could come to harm by. */
const unchecked = v.exactOptional(v.unknown());
const FieldsSchema = mapOf<Json>(isJson);
export const JsonValueSchema = v.custom<Json>(isJson);
export const StoredDocSchema = v.custom<Doc>(
  (value) => isDoc(value),
  'a JSON object with an "id", no larger than a record may be',
);

/**
 * Characters of a visible value: base, sealed and pending change put together, each within a
 * record's limits. Together the parts may exceed the limits: such a record is in conflict
 * (`record/mark-unfit.ts`), and the engine writes the row all the same.
 */
const VIEW_CHARS_MAX = 4 * RECORD_BYTES_MAX;
export const StoredViewSchema = v.custom<Doc>(
  (value) => isDoc(value, VIEW_CHARS_MAX),
  'a JSON object with an "id", as a page is shown it',
);

/** Schemas of the stored parts of an edit. A part without a schema would not be checked. */
const PARTS = {
  set: FieldsSchema,
  removed: v.array(text),
  inc: mapOf<number>(Number.isFinite),
  elements: v.exactOptional(ElementsByField),
} satisfies Readonly<Record<PartName, v.GenericSchema>>;
const NetSchema = storedAs<Net>()(
  v.variant('kind', [
    v.object({
      kind: v.literal('edit'),
      ...PARTS,
    }),
    v.object({ kind: v.literal('delete') }),
  ]),
);
/** Whether the engine stores such a value of a field. */
export const isStoredValue = isJson;
/** Whether the engine stores such a net change. */
export const isStoredNet = (net: unknown): net is Net => v.is(NetSchema, net);
const PendingSchema = storedAs<Pending>()(
  v.object({
    net: NetSchema,
    firstSeq: RevisionSchema,
    lastSeq: RevisionSchema,
    at: v.exactOptional(time),
    seen: v.exactOptional(StoredDocSchema),
  }),
);
const MarkSchema = storedAs<Mark>()(
  v.object({
    conflictId: text,
    reason: v.picklist(['edited', 'deleted-there', 'deleted-here', 'forked', 'invalid-merge']),
    fields: v.union([v.literal('*'), v.array(text)]),
    base: v.nullable(StoredDocSchema),
  }),
);

export const RecordSchema = storedAs<ReplicaRecord>()(
  v.looseObject({
    collection: text,
    id: text,
    base: v.nullable(StoredDocSchema),
    revision: RevisionSchema,
    value: v.nullable(StoredViewSchema),
    sealed: v.exactOptional(PendingSchema),
    pending: v.exactOptional(PendingSchema),
    mark: v.exactOptional(MarkSchema),
    rejection: v.exactOptional(
      v.object({ reason: ReasonSchema, at: time, draft: v.exactOptional(v.literal(true)) }),
    ),
    refusals: v.exactOptional(RevisionSchema),
    alone: v.exactOptional(v.literal(true)),
    generation: RevisionSchema,
    run: v.exactOptional(text),
  }),
);

/** Checks the frozen and sent parts of a delivery; the data of its states are labels and times. */
export const DeliverySchema = v.custom<Delivery>((row) => v.is(DeliveryShape, row));
const DeliveryShape = storedAs<Delivery>()(
  v.looseObject({
    deliveryId: text,
    lane: text,
    state: v.looseObject({
      kind: v.picklist(DELIVERY_STATES),
      attempt: v.exactOptional(RevisionSchema),
      runId: v.exactOptional(text),
      retryAt: v.exactOptional(time),
      for: unchecked,
      why: unchecked,
      reason: unchecked,
    }),
    number: v.exactOptional(RevisionSchema),
    nonce: v.exactOptional(text),
    batch: v.exactOptional(v.pipe(text, v.maxLength(BATCH_CHARS_MAX))),
    epoch: v.exactOptional(v.nullable(text)),
    oldestAt: v.exactOptional(time),
    refusal: v.exactOptional(ReasonSchema),
    turnedAway: v.exactOptional(RevisionSchema),
  }),
);

/**
 * Checks the replica's identity and progress. Values that only schedule decide nothing about
 * correctness, but a due time that is no number would stop each drain.
 */
export const ReplicaSchema = v.custom<Replica>((row) => v.is(ReplicaShape, row));
const ReplicaShape = storedAs<Replica>()(
  v.looseObject({
    user: text,
    replicaId: text,
    logId: text,
    epoch: v.nullable(text),
    last: v.nullable(BatchNameSchema),
    onItsWay: v.exactOptional(RevisionSchema),
    since: RevisionSchema,
    floor: RevisionSchema,
    proof: v.exactOptional(text),
    generation: RevisionSchema,
    rereading: v.boolean(),
    ready: v.boolean(),
    seq: RevisionSchema,
    mutationsMax: v.pipe(RevisionSchema, v.minValue(1)),
    bytesMax: v.exactOptional(v.pipe(RevisionSchema, v.minValue(1))),
    holding: text,
    declared: v.exactOptional(text),
    backoff: v.nullable(
      v.looseObject({
        for: text,
        failures: RevisionSchema,
        until: v.exactOptional(time),
        message: v.exactOptional(text),
      }),
    ),
    auth: v.looseObject({
      kind: v.picklist(['none', 'cookie', 'memory', 'sealed']),
      required: v.nullable(text),
      signIns: RevisionSchema,
      renewed: v.exactOptional(v.literal(true)),
    }),
    isSyncStuck: v.exactOptional(v.boolean()),
    circuit: v.exactOptional(
      v.looseObject({ kind: v.literal('open'), failures: RevisionSchema, until: time }),
    ),
    lastExchangeAt: v.exactOptional(time),
    lastPullAt: v.exactOptional(time),
    lockedAt: v.exactOptional(RevisionSchema),
    keptOut: v.exactOptional(v.array(v.looseObject({ collection: text, id: text }))),
    undeclared: v.exactOptional(v.array(text)),
    app: v.exactOptional(text),
    quarantinedTold: v.exactOptional(RevisionSchema),
    lost: v.exactOptional(
      v.looseObject({
        at: time,
        unsent: RevisionSchema,
        restored: RevisionSchema,
        calls: unchecked,
        isTold: unchecked,
      }),
    ),
    bytes: v.exactOptional(v.looseObject({ sent: time, received: time })),
    via: v.exactOptional(v.picklist(TRANSPORT_NAMES)),
  }),
);
