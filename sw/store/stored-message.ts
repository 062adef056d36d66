import * as v from 'valibot';
import type { Captured } from '../../shared/messages.ts';
import { RevisionSchema } from '../../shared/mutation.ts';
import { ReasonSchema } from '../../shared/verdict.ts';
import type { AnsweredRequest } from './database.ts';
import { isNumbered } from './numbered.ts';
import { CallReasonSchema, CallStateSchema } from './stored-call.ts';
import { JsonValueSchema, StoredDocSchema } from './stored-schema.ts';

/** What is told to pages, as it is stored: pages trust what the worker says. */
const text = v.string();
const count = RevisionSchema;
const time = v.number();

/** The answer to a capture. */
export const CapturedSchema: v.GenericSchema<unknown, Captured> = v.object({ id: text, seq: count, log: text, settled: v.boolean() });
/** The answer to a queued call. */
export const QueuedSchema = v.strictObject({ id: text });

export const RequestSchema: v.GenericSchema<unknown, AnsweredRequest> = v.union([
  v.object({ requestId: text, at: time, answer: v.union([v.null(), CapturedSchema, QueuedSchema]) }),
  v.object({ requestId: text, at: time, damaged: v.literal(true) }),
]);

const names = { collection: text, id: text };
const doc = v.nullable(StoredDocSchema);
const side = v.optional(JsonValueSchema);
const fields = v.union([v.literal('*'), v.array(v.looseObject({ field: text, base: side, mine: side, theirs: side }))]);
const request = v.looseObject({ operation: text });
const LetterSchema = v.variant('kind', [
  v.looseObject({
    kind: v.literal('mutation'),
    ...names,
    change: v.looseObject({ op: text }),
    value: JsonValueSchema,
    reason: ReasonSchema,
    at: time,
    attempts: count,
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
  }),
]);

const cursor = { cursor: v.custom<number>(isNumbered) };
const EventSchema = v.variant('type', [
  v.looseObject({ ...cursor, type: v.literal('change'), collection: text, ids: v.array(text) }),
  v.looseObject({
    ...cursor,
    type: v.literal('settled'),
    settled: v.looseObject({ ...names, lastSeq: count, verdict: v.picklist(['applied', 'merged', 'conflicted', 'rejected', 'discarded']) }),
  }),
  v.looseObject({ ...cursor, type: v.literal('dropped'), dropped: v.looseObject({ ...names, fields: v.array(text) }) }),
  v.looseObject({
    ...cursor,
    type: v.literal('conflict'),
    conflict: v.looseObject({ ...names, recordId: text, reason: text, fields, base: doc, mine: doc, theirs: doc, theirsRevision: count }),
  }),
  v.looseObject({ ...cursor, type: v.literal('auth-required'), reason: v.picklist(['missing', 'refused', 'other-user']) }),
  v.looseObject({ ...cursor, type: v.literal('dead-letter'), deadLetter: LetterSchema }),
  v.looseObject({ ...cursor, type: v.literal('storage-lost'), loss: v.looseObject({ at: time, unsent: count, restored: count, calls: count }) }),
  v.looseObject({
    ...cursor,
    type: v.literal('call'),
    call: v.looseObject({ id: text, operation: text, lane: text, state: CallStateSchema, capturedAt: time, attempts: count }),
  }),
  v.looseObject({ ...cursor, type: v.literal('pending-inputs') }),
  v.looseObject({ ...cursor, type: v.literal('quarantined'), count }),
]);

/** A page that was told a cursor too high would hear of nothing more. */
export const EventGroupSchema = v.pipe(
  v.looseObject({ ...cursor, events: v.array(EventSchema) }),
  v.check(({ cursor: last, events }) => events.every((event) => event.cursor <= last)),
);
