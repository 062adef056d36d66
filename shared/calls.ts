import * as v from 'valibot';
import { jsonBytes, whyNotHeld, type Json } from './json.ts';
import { RECORD_BYTES_MAX } from './limits.ts';
import { mapOf } from './mutation.ts';

/** Longest note of a DAG run, in characters: Airflow's own limit. */
const NOTE_LENGTH_MAX = 1_000;
/** Longest name of a DAG, task or run, in characters: Airflow's own limit. */
const AIRFLOW_NAME_LENGTH_MAX = 250;

/**
 * Validates a name that ends up in Airflow's paths: `.` and `..` would name another path, and `~`
 * alone means all.
 */
const name = (pattern: RegExp): v.GenericSchema<string> =>
  v.pipe(
    v.string(),
    v.maxLength(AIRFLOW_NAME_LENGTH_MAX),
    v.regex(pattern),
    v.check((text) => !['.', '..', '~'].includes(text)),
  );
const Key = name(/^[\p{L}\p{N}_.-]+$/u);
const RunId = name(/^[\p{L}\p{N}_.~:+-]+$/u);
const Options = v.pipe(v.array(v.string()), v.minLength(1));
const JsonMap = v.pipe(
  mapOf<Json>((value) => whyNotHeld(value) === undefined),
  v.check(
    (map) => jsonBytes(map) <= RECORD_BYTES_MAX,
    `it is larger than ${RECORD_BYTES_MAX} bytes`,
  ),
);

/**
 * A task that waits for a person, and the request that was shown: after a retry or a clear the task
 * asks anew.
 */
export const ShownInputSchema = v.object({
  dagId: Key,
  runId: RunId,
  taskId: Key,
  /** -1: the task is not mapped. */
  mapIndex: v.pipe(v.number(), v.integer(), v.minValue(-1)),
  /** New for each try of the task. */
  taskInstanceId: v.string(),
  tryNumber: v.number(),
  /** Creation time in Airflow's own text (ISO 8601). */
  createdAt: v.string(),
  options: Options,
});
/** The task instance that was shown to the person who answers. */
export type ShownInput = v.InferOutput<typeof ShownInputSchema>;

/**
 * A queued Airflow operation; never a URL. The worker's configuration names the operations that a
 * page may request.
 */
export const CallRequestSchema = v.variant('operation', [
  v.strictObject({
    operation: v.literal('triggerDagRun'),
    dagId: Key,
    conf: v.exactOptional(JsonMap),
    note: v.exactOptional(v.pipe(v.string(), v.maxLength(NOTE_LENGTH_MAX))),
  }),
  v.strictObject({
    operation: v.literal('respondToHumanInput'),
    input: ShownInputSchema,
    chosen: Options,
    params: v.exactOptional(JsonMap),
  }),
  v.strictObject({
    operation: v.literal('clearTaskInstances'),
    dagId: Key,
    runId: RunId,
    taskIds: v.pipe(v.array(Key), v.minLength(1)),
  }),
]);
export type CallRequest = v.InferOutput<typeof CallRequestSchema>;
export type OperationName = CallRequest['operation'];

/** Rule for repeating a call when nobody knows whether Airflow has executed the call. */
export type Repeats =
  | 'idempotent' // sent again: Airflow recognises the repetition
  | 'probe' // Airflow is asked before each repetition
  | 'once'; // never sent again: a person decides

/** Reason why a call is not sent yet, as in the status (`WaitingFor`). */
export type CallWaitingFor =
  | 'network'
  | 'airflow'
  | 'not-airflow'
  | 'sign-in-page'
  | 'refused-on-the-way';

/** Progress of a call, each state with no other data. Times are ms since 1970. */
export type CallState =
  | { readonly kind: 'queued' }
  | { readonly kind: 'sending'; readonly failures: number } // the request may be in Airflow
  | {
      readonly kind: 'waiting';
      readonly for: CallWaitingFor;
      readonly retryAt: number;
      readonly failures: number;
    }
  | { readonly kind: 'parked'; readonly for: 'sign-in' | 'other-user' }
  | {
      readonly kind: 'held';
      readonly for: 'dag-missing' | 'forbidden';
      readonly retryAt: number;
      readonly failures: number;
    }
  | {
      readonly kind: 'accepted';
      readonly runId: string;
      readonly lookAt: number;
      readonly looks: number;
    }
  | {
      readonly kind: 'following';
      readonly runId: string;
      readonly run: 'queued' | 'running';
      /** Airflow accepts runs of a paused DAG, which then wait. */
      readonly paused: boolean;
      readonly lookAt: number;
      readonly looks: number;
    }
  | { readonly kind: 'settled'; readonly outcome: CallOutcome; readonly at: number }
  | { readonly kind: 'dead'; readonly reason: CallReason; readonly at: number }
  | { readonly kind: 'discarded' }; // by a person; told, not kept

/** Result of a settled call. A failed run is a result too: Airflow has done the work. */
export type CallOutcome =
  | { readonly kind: 'run'; readonly runId: string; readonly state: 'success' | 'failed' | 'gone' }
  | { readonly kind: 'answered'; readonly chosen: readonly string[] }
  | { readonly kind: 'cleared'; readonly tasks: number };

/** Reason why a call cannot go on without a person. */
export type CallReason =
  // in Airflow's own words
  | { readonly kind: 'refused'; readonly message: string; readonly status: number }
  // Airflow answers other requests; this call does not get through
  | { readonly kind: 'refused-on-the-way'; readonly message: string; readonly status?: number }
  // sent once, without an answer that tells the outcome
  | { readonly kind: 'outcome-unknown'; readonly message: string }
  // not allowed by this worker's configuration, which has changed
  | { readonly kind: 'not-allowed'; readonly message: string }
  // this version cannot read the stored call
  | { readonly kind: 'unreadable'; readonly message: string }
  // the call's row was damaged on this device
  | { readonly kind: 'damaged'; readonly message: string }
  | ({ readonly kind: 'conflict'; readonly message: string } & CallConflict);

/** How Airflow's state has changed since the call was captured: shown, never overwritten. */
export type CallConflict =
  | {
      readonly conflict: 'answered';
      readonly theirs: {
        readonly by: string | null;
        readonly chosen: readonly string[];
        readonly at: string | null;
      };
    }
  | { readonly conflict: 'replaced' } // the task asks anew, or something else
  | { readonly conflict: 'gone' } // nobody is asked any more
  | { readonly conflict: 'run-id-taken' }; // taken by a run that is not this call's

/** A queued Airflow operation, as the page sees the call. */
export interface Call {
  readonly id: string;
  readonly operation: OperationName;
  /** Calls of a lane keep their order. */
  readonly lane: string;
  readonly state: CallState;
  /** Capture time, ms since 1970; a label. */
  readonly capturedAt: number;
  /** Number of times the call was sent. */
  readonly attempts: number;
}
export interface CallEntry extends Call {
  readonly request: CallRequest;
}

/** A task that waits for a person, as last seen by this device. */
export interface PendingInput extends ShownInput {
  readonly subject: string;
  readonly body: string | null;
  readonly multiple: boolean;
  readonly defaults: readonly string[] | null;
  readonly params: { readonly [name: string]: Json };
  /**
   * Users who may answer, by Airflow's own list; absent: everybody who has the right. Airflow
   * refuses an answer of anybody else.
   */
  readonly assignedUsers?: readonly { readonly id: string; readonly name: string }[];
  /** The call that carries this device's answer. */
  readonly answeredBy?: string;
}
/** `seenAt`: when Airflow was last asked (ms since 1970); absent: never. */
export interface PendingInputs {
  readonly seenAt?: number;
  /** Oldest first. */
  readonly inputs: readonly PendingInput[];
  /** Numbers of waiting tasks that are not in the list; absent: none. */
  readonly notShown?: readonly NotShown[];
}
/** Reason why waiting tasks are not in the list, and their number. */
export interface NotShown {
  /**
   * `too-many`: a device keeps the oldest 2,000. `unreadable`: the task's name cannot be used in a
   * path, or this version does not know the task's form.
   */
  readonly why: 'too-many' | 'unreadable';
  readonly count: number;
}
