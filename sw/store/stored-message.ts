import * as v from 'valibot';
import type { CallRequest } from '../../shared/calls.ts';
import type { Captured, LoggedEvent } from '../../shared/messages.ts';
import { RevisionSchema } from '../../shared/mutation.ts';
import type { DeadLetter, RequestedChange } from '../../shared/row.ts';
import { ReasonSchema } from '../../shared/verdict.ts';
import { isNumbered } from './numbered.ts';
import { CallReasonSchema, CallStateSchema } from './stored-call.ts';
import { JsonValueSchema, StoredDocSchema, StoredViewSchema } from './stored-schema.ts';
import { partOf, storedAs } from './stored-as.ts';
import type { AnsweredRequest, EventGroup } from './rows.ts';

/** Schemas of stored messages to pages. Pages trust the worker, so the worker checks its rows. */
const text = v.string();
const count = RevisionSchema;
const time = v.number();

/** The answer to a capture. */
export const CapturedSchema = storedAs<Captured>()(
  v.object({
    id: text,
    seq: count,
    log: text,
    settled: v.boolean(),
  }),
);
/** The answer to a queued call. */
export const QueuedSchema = v.strictObject({ id: text });

export const RequestSchema = storedAs<AnsweredRequest>()(
  v.union([
    v.object({
      requestId: text,
      at: time,
      answer: partOf<unknown>(v.union([v.null(), CapturedSchema, QueuedSchema])),
    }),
    v.object({ requestId: text, at: time, damaged: v.literal(true) }),
  ]),
);

const names = { collection: text, id: text };
const doc = v.nullable(StoredDocSchema);
const view = v.nullable(StoredViewSchema);
const side = v.optional(JsonValueSchema);
const fields = v.union([
  v.literal('*'),
  v.array(v.looseObject({ field: text, base: side, mine: side, theirs: side })),
]);
const request = partOf<CallRequest>(v.looseObject({ operation: text }));
const LetterSchema = storedAs<DeadLetter>()(
  v.variant('kind', [
    v.looseObject({
      kind: v.literal('mutation'),
      ...names,
      change: partOf<RequestedChange>(v.looseObject({ op: text })),
      value: partOf<unknown>(view),
      reason: ReasonSchema,
      at: time,
      attempts: count,
      quarantined: v.exactOptional(v.unknown()),
    }),
    v.looseObject({
      kind: v.literal('call'),
      id: text,
      operation: text,
      lane: text,
      request,
      capturedAt: time,
      attempts: count,
      reason: CallReasonSchema,
      at: time,
      quarantined: v.exactOptional(v.unknown()),
    }),
  ]),
);

const cursor = { cursor: v.custom<number>(isNumbered) };
const EventSchema = storedAs<LoggedEvent>()(
  v.variant('type', [
    v.looseObject({ ...cursor, type: v.literal('change'), collection: text, ids: v.array(text) }),
    v.looseObject({
      ...cursor,
      type: v.literal('settled'),
      settled: v.looseObject({
        ...names,
        lastSeq: count,
        verdict: v.picklist(['applied', 'merged', 'conflicted', 'rejected', 'discarded']),
        run: v.exactOptional(v.unknown()),
      }),
    }),
    v.looseObject({
      ...cursor,
      type: v.literal('dropped'),
      dropped: v.looseObject({ ...names, fields: v.union([v.literal('*'), v.array(text)]) }),
    }),
    v.looseObject({
      ...cursor,
      type: v.literal('conflict'),
      conflict: v.looseObject({
        ...names,
        recordId: text,
        reason: text,
        fields,
        base: doc,
        mine: view,
        theirs: doc,
        theirsRevision: count,
      }),
    }),
    v.looseObject({
      ...cursor,
      type: v.literal('auth-required'),
      reason: v.picklist(['missing', 'refused', 'other-user']),
      renew: v.exactOptional(v.literal(true)),
    }),
    v.looseObject({ ...cursor, type: v.literal('dead-letter'), deadLetter: LetterSchema }),
    v.looseObject({
      ...cursor,
      type: v.literal('storage-lost'),
      loss: v.looseObject({ at: time, unsent: count, restored: count, calls: count }),
    }),
    v.looseObject({
      ...cursor,
      type: v.literal('call'),
      call: v.looseObject({
        id: text,
        operation: text,
        lane: text,
        state: CallStateSchema,
        capturedAt: time,
        attempts: count,
      }),
    }),
    v.looseObject({ ...cursor, type: v.literal('pending-inputs') }),
    v.looseObject({ ...cursor, type: v.literal('declarations'), collections: v.array(text) }),
    v.looseObject({ ...cursor, type: v.literal('quarantined'), count }),
  ]),
);

/** No cursor in a group is above the group's: a page that heard it would hear of nothing more. */
export const EventGroupSchema = storedAs<EventGroup>()(
  v.pipe(
    v.looseObject({ ...cursor, events: v.array(EventSchema) }),
    v.check(({ cursor: last, events }) => events.every((event) => event.cursor <= last)),
  ),
);
