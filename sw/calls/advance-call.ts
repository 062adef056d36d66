import type { CallState } from '../../shared/calls.ts';
import { unreachable } from '../../shared/errors.ts';
import type { HistoryFact } from '../../shared/history.ts';
import type { Desk } from '../desk.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { World } from '../world.ts';
import type { Requests } from './operation.ts';
import { moveCall, type CallMove, type StoredCall } from './call.ts';
import { eventsOfCall } from './call-view.ts';

/**
 * Makes one move of a call: row, log and event in one strict transaction, after the `facts` that led to it. Undefined when a person has discarded it
 * meanwhile.
 */
export async function advanceCall(world: World, desk: Desk, id: string, move: CallMove, facts: readonly HistoryFact[] = []): Promise<StoredCall | undefined> {
  return desk.write(async (tx) => {
    const before = await tx.calls.get(id);
    await tx.appendHistory(world.clock.now(), facts);
    if (!before) return { result: undefined, events: [] };
    const after = await putMoved(tx, before, move, world.clock.now());
    return { result: after, events: move.move === 'look-later' ? [] : eventsOfCall(after) };
  });
}

/** The same inside a transaction. `at`: ms since 1970. */
export async function putMoved(tx: ReplicaTx, before: StoredCall, move: CallMove, at: number): Promise<StoredCall> {
  const after = { ...before, state: moveCall(before.state, move), attempts: before.attempts + (move.move === 'send' ? 1 : 0) };
  if (after.state.kind === 'discarded') await tx.calls.delete(after.id);
  else await tx.calls.put(after);
  if (isAnswerOver(after)) await tx.calls.forgetInput(after.request.input.taskInstanceId);
  if (move.move !== 'look-later') await tx.appendHistory(at, [callFact(after, before.state.kind)]);
  return after;
}

/** The request it was about waits no more, or is another one by now: the device need not ask Airflow to know that. */
function isAnswerOver(call: StoredCall): call is StoredCall & { readonly request: Requests['respondToHumanInput'] } {
  const { request, state } = call;
  return request.operation === 'respondToHumanInput' && (state.kind === 'settled' || (state.kind === 'dead' && state.reason.kind === 'conflict'));
}

/** The log's entry for a call that has come from `from` to where it is now. */
export function callFact({ id, lane, state }: StoredCall, from: CallState['kind'] | 'none'): HistoryFact {
  return { kind: 'call-moved', callId: id, lane, from, to: state.kind, ...because(state) };
}

function because(state: CallState): { readonly why?: string; readonly retryAt?: number } {
  switch (state.kind) {
    case 'waiting':
    case 'held':
      return { why: state.for, retryAt: state.retryAt };
    case 'parked':
      return { why: state.for };
    case 'following':
      return { why: state.paused ? 'dag-paused' : state.run };
    case 'settled':
      return { why: state.outcome.kind === 'run' ? state.outcome.state : state.outcome.kind };
    case 'dead':
      return { why: state.reason.kind };
    case 'queued':
    case 'sending':
    case 'accepted':
    case 'discarded':
      return {};
    default:
      return unreachable(state);
  }
}
