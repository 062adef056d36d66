import * as v from 'valibot';
import { jsonBytes, whyNotJson, type Json } from './json.ts';
import { ID_LENGTH_MAX, RECORD_BYTES_MAX } from './limits.ts';
import { mapOf } from './mutation.ts';

/** Of a DAG run's note, in characters: Airflow's own limit. */
const NOTE_LENGTH_MAX = 1_000;

/** Names end up in Airflow's paths: `.` and `..` would name another path, `~` means all of them. */
const name = (pattern: RegExp): v.GenericSchema<string> =>
  v.pipe(
    v.string(),
    v.maxLength(ID_LENGTH_MAX),
    v.regex(pattern),
    v.check((text) => text !== '.' && text !== '..'),
  );
const Key = name(/^[\p{L}\p{N}_.-]+$/u);
const RunId = name(/^[\p{L}\p{N}_.:+-]+$/u);
const Options = v.pipe(v.array(v.string()), v.minLength(1));
const JsonMap = v.pipe(
  mapOf<Json>((value) => whyNotJson(value) === undefined),
  v.check((map) => jsonBytes(map) <= RECORD_BYTES_MAX, `it is larger than ${RECORD_BYTES_MAX} bytes`),
);

/** A task that waits for a person, and which request of its it was: after a retry or a clear the same task asks anew. */
export const ShownInputSchema = v.object({
  dagId: Key,
  runId: RunId,
  taskId: Key,
  /** -1: the task is not mapped. */
  mapIndex: v.pipe(v.number(), v.integer(), v.minValue(-1)),
  /** Another one for each try. */
  taskInstanceId: v.string(),
  tryNumber: v.number(),
  /** As Airflow says it (ISO 8601). */
  createdAt: v.string(),
  options: Options,
});
/** What was shown to the person who answers. */
export type ShownInput = v.InferOutput<typeof ShownInputSchema>;

/** One Airflow operation as it is queued; never a URL. The worker's configuration says which of them a page may ask for. */
export const CallRequestSchema = v.variant('operation', [
  v.object({
    operation: v.literal('triggerDagRun'),
    dagId: Key,
    conf: v.exactOptional(JsonMap),
    note: v.exactOptional(v.pipe(v.string(), v.maxLength(NOTE_LENGTH_MAX))),
  }),
  v.object({ operation: v.literal('respondToHumanInput'), input: ShownInputSchema, chosen: Options, params: v.exactOptional(JsonMap) }),
  v.object({ operation: v.literal('clearTaskInstances'), dagId: Key, runId: RunId, taskIds: v.pipe(v.array(Key), v.minLength(1)) }),
]);
export type CallRequest = v.InferOutput<typeof CallRequestSchema>;
export type OperationName = CallRequest['operation'];

/** How a call is repeated when nobody knows whether Airflow has done it. */
export type Repeats =
  | 'idempotent' // it is sent again: the second is recognised as the first
  | 'probe' // Airflow is asked before it is sent, each time
  | 'once'; // it is never sent again: a person decides

/** How far a call is on its way, each state with only its own data. Times are ms since 1970. */
export type CallState =
  | { readonly kind: 'queued' }
  | { readonly kind: 'sending'; readonly failures: number } // the request may be in Airflow
  | { readonly kind: 'waiting'; readonly for: 'network' | 'airflow'; readonly retryAt: number; readonly failures: number }
  | { readonly kind: 'parked'; readonly for: 'sign-in' | 'other-user' }
  | { readonly kind: 'held'; readonly for: 'dag-missing' | 'forbidden'; readonly retryAt: number; readonly failures: number }
  | { readonly kind: 'accepted'; readonly runId: string; readonly lookAt: number; readonly looks: number }
  | {
      readonly kind: 'following';
      readonly runId: string;
      readonly run: 'queued' | 'running';
      /** Airflow takes runs of a paused DAG and lets them wait. */
      readonly paused: boolean;
      readonly lookAt: number;
      readonly looks: number;
    }
  | { readonly kind: 'settled'; readonly outcome: CallOutcome; readonly at: number }
  | { readonly kind: 'dead'; readonly reason: CallReason; readonly at: number }
  | { readonly kind: 'discarded' }; // by a person; told, not kept

/** What came of it. A run that failed is an outcome too: Airflow has done what it was asked. */
export type CallOutcome =
  | { readonly kind: 'run'; readonly runId: string; readonly state: 'success' | 'failed' | 'gone' }
  | { readonly kind: 'answered'; readonly chosen: readonly string[] }
  | { readonly kind: 'cleared'; readonly tasks: number };

/** Why a call cannot go on by itself. */
export type CallReason =
  | { readonly kind: 'refused'; readonly message: string; readonly status: number } // in Airflow's own words
  | { readonly kind: 'outcome-unknown'; readonly message: string } // sent once, and no answer that tells
  | { readonly kind: 'not-allowed'; readonly message: string } // by this worker's configuration, which has changed
  | { readonly kind: 'unreadable'; readonly message: string } // the stored call makes no sense to this version
  | ({ readonly kind: 'conflict'; readonly message: string } & CallConflict);

/** The other side has moved on: shown, never overwritten. */
export type CallConflict =
  | { readonly conflict: 'answered'; readonly theirs: { readonly by: string | null; readonly chosen: readonly string[]; readonly at: string | null } }
  | { readonly conflict: 'replaced' } // the task asks anew, or something else
  | { readonly conflict: 'gone' } // nobody is asked any more
  | { readonly conflict: 'run-id-taken' }; // by a run that is not this call's

/** One queued Airflow operation, as the page sees it. */
export interface Call {
  readonly id: string;
  readonly operation: OperationName;
  /** Calls of one lane keep their order. */
  readonly lane: string;
  readonly state: CallState;
  /** ms since 1970; a label. */
  readonly capturedAt: number;
  /** How often it was sent. */
  readonly attempts: number;
}
export interface CallEntry extends Call {
  readonly request: CallRequest;
}

/** A task that waits for a person, as this device last saw it. */
export interface PendingInput extends ShownInput {
  readonly subject: string;
  readonly body: string | null;
  readonly multiple: boolean;
  readonly defaults: readonly string[] | null;
  readonly params: { readonly [name: string]: Json };
  /** The call that carries this device's answer. */
  readonly answeredBy?: string;
}
/** `seenAt`: when Airflow was last asked (ms since 1970); absent: not yet. */
export interface PendingInputs {
  readonly seenAt?: number;
  readonly inputs: readonly PendingInput[];
}
