import { changeOnce, DONE, type AnswerForm } from '../capture/change-once.ts';
import type { CallRequest } from '../../shared/calls.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { Command, Results } from '../../shared/messages.ts';
import type { OpenReplica } from '../open-replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import { QueuedSchema } from '../store/stored-message.ts';
import type { Replica } from '../state/replica.ts';
import type { World } from '../world.ts';
import { callFact, putMoved } from './advance-call.ts';
import { recapturedCall, runIdOf, takeDamaged } from './damaged-call.ts';
import { mayDiscard, type StoredCall } from '../state/call.ts';
import { eventsOfCall } from './call-view.ts';
import { isAllowed, operationOf } from './operations.ts';

type Of<T extends Command['type']> = Extract<Command, { type: T }>;

const QUEUED: AnswerForm<Results['call']> = {
  schema: QueuedSchema,
  ifDamaged: () => {
    throw new UpdraftError(
      'storage',
      'The call was queued, and which one it is cannot be read any more. Look for it in calls().',
    );
  },
};

/**
 * Queues a call: durable and with its wake-up when the promise resolves. A repeated request gets
 * the same call. Throws `not-allowed`, `bad-choice`, `storage`, `signed-out`.
 */
export async function captureCall(
  open: OpenReplica,
  { requestId, request }: Of<'call'>,
): Promise<Results['call']> {
  const { world } = open;
  check(world, request);
  return changeOnce(open, requestId, QUEUED, async (tx, replica) => {
    const call = await putCall(world, tx, replica, request);
    const { id } = call;
    return {
      answer: { id },
      events: eventsOfCall(call),
      wake: (wakeUps) => wakeUps.wakeForCall(id),
    };
  });
}

/**
 * Refuses a call that the page may not make, or that Airflow would refuse in any case, before the
 * call is queued.
 */
function check({ calls, user }: World, request: CallRequest): void {
  const { operation } = request;
  const { dagId } = operationOf(request, '', user);
  if (!isAllowed(calls.allowed, operation, dagId)) {
    throw new UpdraftError(
      'not-allowed',
      `The worker may not call ${operation} of the DAG "${dagId}". ` +
        `Name it in startUpdraft({ calls: { ${operation}: [...] } }).`,
    );
  }
  if (operation !== 'respondToHumanInput') return;
  const unknown = request.chosen.find((option) => !request.input.options.includes(option));
  if (unknown !== undefined)
    throw new UpdraftError(
      'bad-choice',
      `"${unknown}" is none of the options: ${request.input.options.join(', ')}.`,
    );
}

async function putCall(
  { user, clock, random }: World,
  tx: ReplicaTx,
  replica: Replica,
  request: CallRequest,
): Promise<StoredCall> {
  const id = random.hex();
  const seq = replica.seq + 1;
  const runId = runIdOf(replica, id);
  const { lane } = operationOf(request, runId, user);
  const call: StoredCall = {
    id,
    seq,
    runId,
    operation: request.operation,
    lane,
    request,
    state: { kind: 'queued' },
    capturedAt: clock.now(),
    attempts: 0,
  };
  await tx.calls.put(call);
  await tx.putReplica({ ...replica, seq });
  await tx.appendHistory(call.capturedAt, [callFact(call, 'none')]);
  return call;
}

/**
 * Queues a dead call again under the same id, so that a trigger still meets its own run. Throws
 * `not-found` when the call is not dead, `storage` when a damaged call cannot be read whole.
 */
export function retryCall(
  open: OpenReplica,
  { requestId, id }: Of<'retry-call' | 'discard-call'>,
): Promise<null> {
  return changeOnce(open, requestId, DONE, async (tx, replica) => {
    const call = (await tx.calls.get(id)) ?? (await recapturedCall(tx, replica, id));
    if (call?.state.kind !== 'dead')
      throw new UpdraftError(
        'not-found',
        'There is no dead call of this id. Read deadLetters() again.',
      );
    const requeued = await putMoved(tx, call, { kind: 'requeue' }, open.world.clock.now());
    return {
      answer: null,
      events: eventsOfCall(requeued),
      wake: (wakeUps) => wakeUps.wakeForCall(id),
    };
  });
}

/**
 * Discards a call; a run or an answer that Airflow already has stays there. Throws `in-flight` when
 * the call may be in Airflow already, `not-found` when there is no such call.
 */
export function discardCall(
  open: OpenReplica,
  { requestId, id }: Of<'retry-call' | 'discard-call'>,
): Promise<null> {
  return changeOnce(open, requestId, DONE, async (tx) => {
    const call = await tx.calls.get(id);
    const damaged = call ? [] : await takeDamaged(tx, id);
    if (damaged.length > 0) return { answer: null, events: [] };
    if (!call)
      throw new UpdraftError('not-found', 'There is no call of this id. Read calls() again.');
    if (!mayDiscard(call.state)) {
      throw new UpdraftError(
        'in-flight',
        'Airflow may have done it already: ' +
          'a call on its way is followed to its end and cannot be discarded.',
      );
    }
    const discarded = await putMoved(tx, call, { kind: 'discard' }, open.world.clock.now());
    return { answer: null, events: eventsOfCall(discarded) };
  });
}
