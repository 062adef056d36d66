import { defined } from '../../shared/defined.ts';
import { unreachable } from '../../shared/errors.ts';
import type { HistoryFact } from '../../shared/history.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import {
  isOver,
  moveDelivery,
  type Delivery,
  type DeliveryState,
  type Move,
} from '../state/delivery.ts';

/**
 * Makes a delivery's moves, in order: row and history in the caller's transaction. `at`: ms since
 * 1970. Returns the delivery after the moves.
 */
export async function advance(
  tx: ReplicaTx,
  delivery: Delivery,
  moves: Move | readonly Move[],
  at: number,
): Promise<Delivery> {
  const facts: HistoryFact[] = [];
  let moved = delivery;
  for (const move of [moves].flat()) {
    const from = moved.state.kind;
    moved = { ...moved, state: moveDelivery(moved.state, move) };
    facts.push(movedFact(moved, from));
  }
  if (isOver(moved.state)) await tx.deleteDelivery(delivery.deliveryId);
  else await tx.putDelivery(moved);
  await tx.appendHistory(at, facts);
  return moved;
}

/** The history entry for a delivery that moved from `from` to its present state. */
export function movedFact(
  { deliveryId, lane, state }: Delivery,
  from: DeliveryState['kind'] | 'none',
): HistoryFact {
  return { kind: 'delivery-moved', deliveryId, lane, from, to: state.kind, ...because(state) };
}

function because(state: DeliveryState): { readonly why?: string; readonly retryAt?: number } {
  switch (state.kind) {
    case 'waiting':
      return { why: state.for, retryAt: state.retryAt };
    case 'parked':
      return { why: state.why, ...defined({ retryAt: state.retryAt }) };
    case 'dead':
      return { why: state.reason.kind };
    case 'open':
    case 'sealed':
    case 'sending':
    case 'accepted':
    case 'settled':
      return {};
    default:
      return unreachable(state);
  }
}
