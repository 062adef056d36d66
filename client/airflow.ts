import type { CallEntry, CallRequest, PendingInput, PendingInputs } from '../shared/calls.ts';
import type { Json } from '../shared/json.ts';
import type { WorkerLink } from './worker-link.ts';

/** What a queued call gives back once it is on disk: its name in `calls()` and in the event `call`. */
export interface CallReceipt {
  readonly id: string;
}

/**
 * Airflow operations, queued on this device and sent when Airflow can be reached. Each is durable when its promise resolves. What may be called is named
 * in the worker's configuration; anything else rejects with `not-allowed`.
 */
export interface AirflowCalls {
  /** Runs a DAG once. The call is followed until its run has ended. `conf` as JSON; `note` of 1,000 characters at most. */
  triggerDagRun: (dagId: string, options?: { readonly conf?: Readonly<Record<string, Json>>; readonly note?: string }) => Promise<CallReceipt>;
  /**
   * Answers a task that waits for a person, as it was shown. If somebody else has answered meanwhile, or the task asks anew, nothing is sent and the call
   * becomes a dead letter of the kind `conflict`. Rejects with `bad-choice` for what is none of the options.
   */
  respond: (input: PendingInput, answer: { readonly chosen: readonly string[]; readonly params?: Readonly<Record<string, Json>> }) => Promise<CallReceipt>;
  /** Lets failed tasks of a run run again. Sent once: without an answer it becomes the dead letter `outcome-unknown`. */
  clearTaskInstances: (dagId: string, runId: string, taskIds: readonly string[]) => Promise<CallReceipt>;
  /** The tasks that wait for a person, as this device last saw them, offline too. */
  pendingInputs: () => Promise<PendingInputs>;
  /** All calls that have not ended, those that died, and for a week those that were settled; in the order of their capture. */
  calls: () => Promise<readonly CallEntry[]>;
  /** Lets a dead call go again. Rejects with `not-found` when it is not dead. */
  retry: (id: string) => Promise<void>;
  /** Gives a call up. Rejects with `in-flight` when it is on its way. */
  discard: (id: string) => Promise<void>;
}

export function createAirflowCalls(ask: WorkerLink['ask'], newId: () => string): AirflowCalls {
  const call = (request: CallRequest): Promise<CallReceipt> => ask({ type: 'call', requestId: newId(), request });
  return {
    triggerDagRun: (dagId, options) => call({ operation: 'triggerDagRun', dagId, ...options }),
    respond: (input, { chosen, params }) => call({ operation: 'respondToHumanInput', input, chosen: [...chosen], ...(params && { params }) }),
    clearTaskInstances: (dagId, runId, taskIds) => call({ operation: 'clearTaskInstances', dagId, runId, taskIds: [...taskIds] }),
    pendingInputs: () => ask({ type: 'pending-inputs' }),
    calls: () => ask({ type: 'calls' }),
    retry: async (id) => void (await ask({ type: 'retry-call', requestId: newId(), id })),
    discard: async (id) => void (await ask({ type: 'discard-call', requestId: newId(), id })),
  };
}
