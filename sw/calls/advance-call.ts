import type { Engine } from '../replay/engine.ts';
import { defined } from '../../shared/defined.ts';
import type { CallState } from '../../shared/calls.ts';
import { unreachable } from '../../shared/errors.ts';
import type { HistoryFact } from '../../shared/history.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Requests } from './operation.ts';
import { moveCall, type CallMove, type StoredCall } from '../state/call.ts';
import { eventsOfCall } from './call-view.ts';

/**
 * Makes a call's move: row, history and event in a single strict transaction, after the `facts`
 * that caused the move. Undefined when a person has discarded the call meanwhile.
 */
export async function advanceCall(
  engine: Engine,
  id: string,
  move: CallMove,
  facts: readonly HistoryFact[] = [],
): Promise<StoredCall | undefined> {
  return engine.desk.write(async (tx) => {
    const before = await tx.calls.get(id);
    await tx.appendHistory(engine.world.clock.now(), facts);
    if (!before) return { result: undefined, events: [] };
    const after = await putMoved(tx, before, move, engine.world.clock.now());
    return { result: after, events: move.kind === 'look-later' ? [] : eventsOfCall(after) };
  });
}

/** Makes a call's move inside the caller's transaction. `at`: ms since 1970. */
export async function putMoved(
  tx: ReplicaTx,
  before: StoredCall,
  move: CallMove,
  at: number,
): Promise<StoredCall> {
  const { turnedAway: _, ...rest } = before;
  const turnedAway =
    move.kind === 'requeue'
      ? undefined
      : move.kind === 'wait' && move.turnedAway !== undefined
        ? move.turnedAway
        : before.turnedAway;
  const state = moveCall(before.state, move);
  const after = {
    ...rest,
    state,
    attempts: before.attempts + (move.kind === 'send' ? 1 : 0),
    ...defined({ turnedAway }),
  };
  if (after.state.kind === 'discarded') await tx.calls.delete(after.id);
  else await tx.calls.put(after);
  if (isAnswerOver(after)) await tx.calls.forgetInput(after.request.input.taskInstanceId);
  if (move.kind !== 'look-later') await tx.appendHistory(at, [callFact(after, before.state.kind)]);
  return after;
}

/**
 * Whether the input request of this answer is closed or replaced: the device drops the request from
 * its list without asking Airflow.
 */
function isAnswerOver(
  call: StoredCall,
): call is StoredCall & { readonly request: Requests['respondToHumanInput'] } {
  const { request, state } = call;
  return (
    request.operation === 'respondToHumanInput' &&
    (state.kind === 'settled' || (state.kind === 'dead' && state.reason.kind === 'conflict'))
  );
}

/** The history entry for a call that moved from `from` to its present state. */
export function callFact(
  { id, lane, state }: StoredCall,
  from: CallState['kind'] | 'none',
): HistoryFact {
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
