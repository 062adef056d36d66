import type { CallRequest } from '../../shared/calls.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { Command, Results } from '../../shared/messages.ts';
import type { OpenReplica } from '../replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import { QueuedSchema } from '../store/stored-message.ts';
import type { Replica } from '../store/replica.ts';
import type { World } from '../world.ts';
import { callFact, putMoved } from './advance-call.ts';
import { mayDiscard, type StoredCall } from './call.ts';
import { eventsOfCall } from './call-view.ts';
import { isAllowed, operationOf } from './operations.ts';

type Of<T extends Command['type']> = Extract<Command, { type: T }>;

/** Queues a call: durable, with its wake-up, when it resolves. A repeated request gets the same call. Throws `not-allowed`, `bad-message`. */
export async function captureCall(open: OpenReplica, { requestId, request }: Of<'call'>): Promise<Results['call']> {
  const { world, desk, pipeline } = open;
  check(world, request);
  const { id, isNew } = await desk.write(async (tx) => {
    const repeated = await tx.answer(requestId, QueuedSchema);
    if (repeated === 'damaged') throw new UpdraftError('storage', 'The call was queued, and which one it is cannot be read any more. Look for it in calls().');
    if (repeated) return { result: { id: repeated.answer.id, isNew: false }, events: [] };
    const call = await putCall(world, tx, await tx.replica(), request);
    await tx.putAnswer(requestId, call.capturedAt, { id: call.id });
    return { result: { id: call.id, isNew: true }, events: eventsOfCall(call) };
  });
  if (isNew) await pipeline.wakeUpForCall(id);
  await desk.showStatus();
  return { id };
}

/** What the page may not ask for, or what Airflow would refuse in any case, is told to the caller instead of being queued. */
function check({ calls, user }: World, request: CallRequest): void {
  const { operation } = request;
  const { dagId } = operationOf(request, '', user);
  if (!isAllowed(calls.allowed, operation, dagId)) {
    throw new UpdraftError(
      'not-allowed',
      `The worker may not call ${operation} of the DAG "${dagId}". Name it in startUpdraft({ calls: { ${operation}: [...] } }).`,
    );
  }
  if (operation !== 'respondToHumanInput') return;
  const unknown = request.chosen.find((option) => !request.input.options.includes(option));
  if (unknown !== undefined) throw new UpdraftError('bad-choice', `"${unknown}" is none of the options: ${request.input.options.join(', ')}.`);
}

async function putCall({ user, clock, random }: World, tx: ReplicaTx, replica: Replica, request: CallRequest): Promise<StoredCall> {
  const id = random.hex();
  const seq = replica.seq + 1;
  const runId = `updraft__${replica.replicaId}__call__${id}`;
  const { lane } = operationOf(request, runId, user);
  const call: StoredCall = { id, seq, runId, operation: request.operation, lane, request, state: { kind: 'queued' }, capturedAt: clock.now(), attempts: 0 };
  await tx.calls.put(call);
  await tx.putReplica({ ...replica, seq });
  await tx.appendHistory(call.capturedAt, [callFact(call, 'none')]);
  return call;
}

/** Lets a dead call go again. It keeps its name, so that a trigger still meets its own run. Throws `not-found` when it is not dead. */
export async function retryCall({ world, desk, pipeline }: OpenReplica, { requestId, id }: Of<'retry-call' | 'discard-call'>): Promise<null> {
  await desk.write(async (tx) => {
    if (await tx.isAnswered(requestId)) return { result: null, events: [] };
    const call = await tx.calls.get(id);
    if (call?.state.kind !== 'dead') throw new UpdraftError('not-found', 'There is no dead call of this id. Read deadLetters() again.');
    await tx.putAnswer(requestId, world.clock.now(), null);
    return { result: null, events: eventsOfCall(await putMoved(tx, call, { move: 'requeue' }, world.clock.now())) };
  });
  await pipeline.wakeUpForCall(id);
  await desk.showStatus();
  return null;
}

/** Gives a call up; what Airflow has of it already stays there. Throws `in-flight` for one that may be in Airflow already, `not-found` for one that is not there. */
export async function discardCall({ world, desk }: OpenReplica, { requestId, id }: Of<'retry-call' | 'discard-call'>): Promise<null> {
  await desk.write(async (tx) => {
    if (await tx.isAnswered(requestId)) return { result: null, events: [] };
    const call = await tx.calls.get(id);
    if (!call) throw new UpdraftError('not-found', 'There is no call of this id. Read calls() again.');
    if (!mayDiscard(call.state)) {
      throw new UpdraftError('in-flight', 'Airflow may have done it already: a call on its way is followed to its end and cannot be discarded.');
    }
    await tx.putAnswer(requestId, world.clock.now(), null);
    return { result: null, events: eventsOfCall(await putMoved(tx, call, { move: 'discard' }, world.clock.now())) };
  });
  await desk.showStatus();
  return null;
}
