import type { CallEntry, CallRequest, PendingInput, PendingInputs } from '../shared/calls.ts';
import type { Json } from '../shared/json.ts';
import type { WorkerLink } from './worker-link.ts';

/**
 * Receipt of a queued call that is on disk; `id` names the call in `calls()` and in the event
 * `call`.
 */
export interface CallReceipt {
  readonly id: string;
}

/**
 * Airflow operations, queued on this device and sent when Airflow can be reached. Each call is
 * durable when the promise resolves. The worker's configuration names the operations a page may
 * call; any other rejects with `not-allowed`.
 */
export interface AirflowCalls {
  /**
   * Runs a DAG once. The call is followed until the run has ended. `conf` as JSON; `note` of 1,000
   * characters at most.
   */
  triggerDagRun: (
    dagId: string,
    options?: { readonly conf?: Readonly<Record<string, Json>>; readonly note?: string },
  ) => Promise<CallReceipt>;
  /**
   * Answers a task that waits for a person, as the task was shown. If somebody else has answered
   * meanwhile, or the task asks anew, nothing is sent and the call becomes a dead letter of the
   * kind `conflict`. Rejects with `bad-choice` for an answer outside the options.
   */
  respond: (
    input: PendingInput,
    answer: {
      readonly chosen: readonly string[];
      readonly params?: Readonly<Record<string, Json>>;
    },
  ) => Promise<CallReceipt>;
  /**
   * Lets failed tasks of a run run again. Sent once: without an answer the call becomes the dead
   * letter `outcome-unknown`.
   */
  clearTaskInstances: (
    dagId: string,
    runId: string,
    taskIds: readonly string[],
  ) => Promise<CallReceipt>;
  /** The tasks that wait for a person, as last seen by this device, offline too. */
  pendingInputs: () => Promise<PendingInputs>;
  /**
   * All open calls and dead letters, and the calls settled in the last week; in the order of
   * capture.
   */
  calls: () => Promise<readonly CallEntry[]>;
  /** Sends a dead call again. Rejects with `not-found` when the call is not dead. */
  retry: (id: string) => Promise<void>;
  /** Gives a call up. Rejects with `in-flight` for a call on the way. */
  discard: (id: string) => Promise<void>;
}

type Answer = Omit<Extract<CallRequest, { operation: 'respondToHumanInput' }>, 'operation'>;

export function createAirflowCalls(ask: WorkerLink['ask'], newId: () => string): AirflowCalls {
  const call = (request: CallRequest): Promise<CallReceipt> =>
    ask({ type: 'call', requestId: newId(), request });
  return {
    triggerDagRun: (dagId, options) => call({ ...options, operation: 'triggerDagRun', dagId }),
    // Arguments of any kind travel as they are: the worker refuses a wrong one in words.
    respond: (input, answer) =>
      call({ ...(answer as Answer), operation: 'respondToHumanInput', input }),
    clearTaskInstances: (dagId, runId, taskIds) =>
      call({ operation: 'clearTaskInstances', dagId, runId, taskIds: taskIds as string[] }),
    pendingInputs: () => ask({ type: 'pending-inputs' }),
    calls: () => ask({ type: 'calls' }),
    retry: async (id) => void (await ask({ type: 'retry-call', requestId: newId(), id })),
    discard: async (id) => void (await ask({ type: 'discard-call', requestId: newId(), id })),
  };
}
