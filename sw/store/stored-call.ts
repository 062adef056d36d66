import * as v from 'valibot';
import { ShownInputSchema } from '../../shared/calls.ts';
import { jsonEquals, whyNotJson } from '../../shared/json.ts';
import { mapOf, RevisionSchema } from '../../shared/mutation.ts';
import { isFollowed, isUnsent, type StoredCall } from '../calls/call.ts';
import type { CallRow } from './call-table.ts';
import { JsonValueSchema } from './stored-schema.ts';

const text = v.string();
const count = RevisionSchema;
const time = v.number();
const again = { retryAt: time, failures: count };
const look = { runId: text, lookAt: time, looks: count };

const Outcome = v.variant('kind', [
  v.looseObject({ kind: v.literal('run'), runId: text, state: v.picklist(['success', 'failed', 'gone']) }),
  v.looseObject({ kind: v.literal('answered'), chosen: v.array(text) }),
  v.looseObject({ kind: v.literal('cleared'), tasks: count }),
]);
const theirs = v.looseObject({ by: v.nullable(text), chosen: v.array(text), at: v.nullable(text) });
export const CallReasonSchema = v.variant('kind', [
  v.looseObject({ kind: v.literal('refused'), message: text, status: count }),
  v.looseObject({ kind: v.picklist(['outcome-unknown', 'not-allowed', 'unreadable']), message: text }),
  v.variant('conflict', [
    v.looseObject({ kind: v.literal('conflict'), message: text, conflict: v.literal('answered'), theirs }),
    v.looseObject({ kind: v.literal('conflict'), message: text, conflict: v.picklist(['replaced', 'gone', 'run-id-taken']) }),
  ]),
]);
export const CallStateSchema = v.variant('kind', [
  v.looseObject({ kind: v.picklist(['queued', 'discarded']) }),
  v.looseObject({ kind: v.literal('sending'), failures: count }),
  v.looseObject({ kind: v.literal('waiting'), for: v.picklist(['network', 'airflow']), ...again }),
  v.looseObject({ kind: v.literal('parked'), for: v.picklist(['sign-in', 'other-user']) }),
  v.looseObject({ kind: v.literal('held'), for: v.picklist(['dag-missing', 'forbidden']), ...again }),
  v.looseObject({ kind: v.literal('accepted'), ...look }),
  v.looseObject({ kind: v.literal('following'), run: v.picklist(['queued', 'running']), paused: v.boolean(), ...look }),
  v.looseObject({ kind: v.literal('settled'), outcome: Outcome, at: time }),
  v.looseObject({ kind: v.literal('dead'), reason: CallReasonSchema, at: time }),
]);

/** What was asked for is read with its own schema before it is sent (`calls/send-call.ts`): another version may know more operations. */
/** How deep in a request its conf's values are: they may go as deep as any. */
const VALUE_DEPTH = 2;
const RequestShape = v.union([
  v.looseObject({ operation: v.literal('respondToHumanInput'), input: v.looseObject({ taskInstanceId: text }) }),
  v.looseObject({ operation: v.pipe(text, v.notValue('respondToHumanInput')) }),
]);
const CallShape = v.looseObject({
  id: text,
  seq: count,
  runId: text,
  operation: text,
  lane: text,
  request: v.pipe(
    RequestShape,
    v.check((request) => whyNotJson(request, '', -VALUE_DEPTH) === undefined),
  ),
  state: CallStateSchema,
  capturedAt: time,
  attempts: count,
});
export const StoredCallSchema = v.custom<StoredCall>((call) => v.is(CallShape, call));
/** A row is found by nothing else than what it says. */
export const CallRowSchema = v.pipe(
  v.custom<CallRow>((row) => v.is(CallShape, row)),
  v.check((row) => {
    const keys = keysOfCall(row);
    // Whatever lies there may hold itself, or what JSON has no words for.
    return KEYS.every((key) => jsonEquals(keys[key], row[key]));
  }),
);

const KEYS = ['turn', 'followed', 'dead', 'settledAt'] as const;
/** The keys that a call's row is found by; one that is absent keeps it out of that index. */
export function keysOfCall({ lane, seq, state }: Pick<StoredCall, 'lane' | 'seq' | 'state'>): Pick<CallRow, 'turn' | 'followed' | 'dead' | 'settledAt'> {
  return {
    ...(isUnsent(state) ? { turn: [lane, seq] as const } : {}),
    ...(isFollowed(state) ? { followed: 1 as const } : {}),
    ...(state.kind === 'dead' ? { dead: 1 as const } : {}),
    ...(state.kind === 'settled' ? { settledAt: state.at } : {}),
  };
}

const InputShape = v.looseObject({
  ...ShownInputSchema.entries,
  subject: text,
  body: v.nullable(text),
  multiple: v.boolean(),
  defaults: v.nullable(v.array(text)),
  params: mapOf((value) => v.is(JsonValueSchema, value)),
});
export const InputsSchema = v.looseObject({ key: v.literal('pending'), seenAt: time, inputs: v.array(InputShape) });
