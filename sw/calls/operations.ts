import type { CallRequest, OperationName } from '../../shared/calls.ts';
import { own } from '../../shared/json.ts';
import { clearTaskInstances } from './clear-task-instances.ts';
import type { Operation, Requests } from './operation.ts';
import { respondToHumanInput } from './respond-to-human-input.ts';
import { triggerDagRun } from './trigger-dag-run.ts';

/**
 * All operations that can be queued. A new operation needs a row here, its request in
 * `shared/calls.ts`, and a test.
 */
const OPERATIONS: {
  readonly [N in OperationName]: (request: Requests[N], runId: string, user: string) => Operation;
} = {
  triggerDagRun,
  respondToHumanInput,
  clearTaskInstances,
};

export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly OperationName[];

/**
 * Returns the operation of a call. `runId` names the run that a trigger makes; `user` is the
 * caller.
 */
export function operationOf(request: CallRequest, runId: string, user: string): Operation {
  return bind(request.operation, request, runId, user);
}

const bind = <N extends OperationName>(
  name: N,
  request: Requests[N],
  runId: string,
  user: string,
): Operation => OPERATIONS[name](request, runId, user);

/**
 * The operations that pages may queue, each for all DAGs (`true`) or for the named DAGs. Every
 * other operation is refused.
 */
export type CallsAllowed = { readonly [N in OperationName]?: true | readonly string[] };

export function isAllowed(allowed: CallsAllowed, operation: OperationName, dagId: string): boolean {
  const dags = own<CallsAllowed[OperationName]>(allowed, operation);
  return dags === true || (dags?.includes(dagId) ?? false);
}
