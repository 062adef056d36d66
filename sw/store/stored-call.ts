import * as v from 'valibot';
import {
  ShownInputSchema,
  type CallReason,
  type CallRequest,
  type CallState,
  type PendingInput,
} from '../../shared/calls.ts';
import { jsonEquals, whyNotHeld } from '../../shared/json.ts';
import { mapOf, RevisionSchema } from '../../shared/mutation.ts';
import { isFollowed, isUnsent, type StoredCall } from '../state/call.ts';
import { JsonValueSchema } from './stored-schema.ts';
import { partOf, storedAs } from './stored-as.ts';
import type { CallRow, InputsRow } from './rows.ts';

const text = v.string();
const count = RevisionSchema;
const time = v.number();
const again = { retryAt: time, failures: count };
const look = { runId: text, lookAt: time, looks: count };

const Outcome = v.variant('kind', [
  v.looseObject({
    kind: v.literal('run'),
    runId: text,
    state: v.picklist(['success', 'failed', 'gone']),
  }),
  v.looseObject({ kind: v.literal('answered'), chosen: v.array(text) }),
  v.looseObject({ kind: v.literal('cleared'), tasks: count }),
]);
const theirs = v.looseObject({ by: v.nullable(text), chosen: v.array(text), at: v.nullable(text) });
export const CallReasonSchema = storedAs<CallReason>()(
  v.variant('kind', [
    v.looseObject({ kind: v.literal('refused'), message: text, status: count }),
    v.looseObject({
      kind: v.literal('refused-on-the-way'),
      message: text,
      status: v.exactOptional(count),
    }),
    v.looseObject({
      kind: v.picklist(['outcome-unknown', 'not-allowed', 'unreadable', 'damaged']),
      message: text,
    }),
    v.variant('conflict', [
      v.looseObject({
        kind: v.literal('conflict'),
        message: text,
        conflict: v.literal('answered'),
        theirs,
      }),
      v.looseObject({
        kind: v.literal('conflict'),
        message: text,
        conflict: v.picklist(['replaced', 'gone', 'run-id-taken']),
      }),
    ]),
  ]),
);
export const CallStateSchema = storedAs<CallState>()(
  v.variant('kind', [
    v.looseObject({ kind: v.picklist(['queued', 'discarded']) }),
    v.looseObject({ kind: v.literal('sending'), failures: count }),
    v.looseObject({
      kind: v.literal('waiting'),
      for: v.picklist(['network', 'airflow', 'not-airflow', 'sign-in-page', 'refused-on-the-way']),
      ...again,
    }),
    v.looseObject({ kind: v.literal('parked'), for: v.picklist(['sign-in', 'other-user']) }),
    v.looseObject({
      kind: v.literal('held'),
      for: v.picklist(['dag-missing', 'forbidden']),
      ...again,
    }),
    v.looseObject({ kind: v.literal('accepted'), ...look }),
    v.looseObject({
      kind: v.literal('following'),
      run: v.picklist(['queued', 'running']),
      paused: v.boolean(),
      ...look,
    }),
    v.looseObject({ kind: v.literal('settled'), outcome: Outcome, at: time }),
    v.looseObject({ kind: v.literal('dead'), reason: CallReasonSchema, at: time }),
  ]),
);

/** Depth of the conf's values in a request: each value may be as deep as any. */
const VALUE_DEPTH = 2;
/**
 * Only the parts that are read while the call waits. The operation's own schema reads the request
 * before the request is sent (`calls/send-call.ts`): another version may know more operations.
 */
const RequestShape = v.union([
  v.looseObject({
    operation: v.literal('respondToHumanInput'),
    input: v.looseObject({ taskInstanceId: text }),
  }),
  v.looseObject({ operation: v.pipe(text, v.notValue('respondToHumanInput')) }),
]);
const CallShape = storedAs<StoredCall>()(
  v.looseObject({
    id: text,
    seq: count,
    runId: text,
    operation: text,
    lane: text,
    request: partOf<CallRequest>(
      v.pipe(
        RequestShape,
        v.check((request) => whyNotHeld(request, -VALUE_DEPTH) === undefined),
      ),
    ),
    state: CallStateSchema,
    capturedAt: time,
    attempts: count,
    turnedAway: v.exactOptional(count),
  }),
);
export const StoredCallSchema = v.custom<StoredCall>((call) => v.is(CallShape, call));
/** Checks a call, and that the row's keys follow from the call: other keys find no row. */
export const CallRowSchema = v.pipe(
  v.custom<CallRow>((row) => v.is(CallShape, row)),
  v.check((row) => {
    const keys = keysOfCall(row);
    return KEYS.every((key) => jsonEquals(keys[key], row[key]));
  }),
);

const KEYS = ['turn', 'followed', 'dead', 'settledAt'] as const;
/** The keys that a call's row is found by. An absent key keeps the row out of that index. */
export function keysOfCall({
  lane,
  seq,
  state,
}: Pick<StoredCall, 'lane' | 'seq' | 'state'>): Pick<
  CallRow,
  'turn' | 'followed' | 'dead' | 'settledAt'
> {
  return {
    ...(isUnsent(state) ? { turn: [lane, seq] as const } : {}),
    ...(isFollowed(state) ? { followed: 1 as const } : {}),
    ...(state.kind === 'dead' ? { dead: 1 as const } : {}),
    ...(state.kind === 'settled' ? { settledAt: state.at } : {}),
  };
}

export const StoredInputSchema = storedAs<PendingInput>()(
  v.looseObject({
    ...ShownInputSchema.entries,
    subject: text,
    body: v.nullable(text),
    multiple: v.boolean(),
    defaults: v.nullable(v.array(text)),
    params: mapOf((value) => v.is(JsonValueSchema, value)),
    assignedUsers: v.exactOptional(v.array(v.looseObject({ id: text, name: text }))),
    // Found anew among the calls each time the task is shown.
    answeredBy: v.exactOptional(v.unknown()),
  }),
);
const NotShownShape = v.looseObject({ why: v.picklist(['too-many', 'unreadable']), count });
export const InputsSchema = storedAs<InputsRow>()(
  v.looseObject({
    key: v.literal('pending'),
    seenAt: time,
    inputs: v.array(StoredInputSchema),
    notShown: v.exactOptional(v.array(NotShownShape)),
  }),
);
