import { unreachable } from '../../shared/errors.ts';

/**
 * A batch on its way. One table of moves:
 *
 *   open ──seal──▶ sealed ──send──▶ sending ──accept──▶ accepted ──settle──▶ (row deleted)
 *                    ▲                 │                    │
 *                    └────fail─────────┴────next attempt────┘        refuse: sealed → voiding → (row deleted)
 *
 * Whatever a killed worker left is resumable: `sending` and `accepted` are sent again under the same run id.
 */
export type DeliveryState =
  | { readonly kind: 'open' }
  | { readonly kind: 'sealed'; readonly attempt: number }
  | { readonly kind: 'sending'; readonly attempt: number }
  | { readonly kind: 'accepted'; readonly attempt: number; readonly runId: string }
  | { readonly kind: 'voiding'; readonly attempt: number; readonly reason: { readonly kind: string; readonly message: string } };

export type Move =
  | { readonly move: 'seal' }
  | { readonly move: 'send' }
  | { readonly move: 'accept'; readonly runId: string }
  | { readonly move: 'next-attempt' } // the run failed, is missing or has no result
  | { readonly move: 'refuse'; readonly reason: { readonly kind: string; readonly message: string } };

/** The delivery row: what was frozen stays frozen (law 3). */
export interface Delivery {
  readonly deliveryId: string;
  readonly lane: string;
  readonly state: DeliveryState;
  /** The batch's number, nonce and frozen bytes; absent while open. */
  readonly number?: number;
  readonly nonce?: string;
  readonly batch?: string;
  readonly epoch?: string | null;
}

const MOVES: Readonly<Record<DeliveryState['kind'], readonly Move['move'][]>> = {
  open: ['seal'],
  sealed: ['send', 'next-attempt', 'refuse'],
  sending: ['send', 'accept', 'next-attempt', 'refuse'],
  accepted: ['send', 'accept', 'next-attempt', 'refuse'],
  voiding: ['next-attempt', 'refuse'],
};

/** The one transition function. Throws on an illegal move: that is a bug, never an outcome. */
export function moveDelivery(state: DeliveryState, move: Move): DeliveryState {
  if (!MOVES[state.kind].includes(move.move)) throw new Error(`a delivery cannot ${move.move} while ${state.kind}`);
  const attempt = state.kind === 'open' ? 0 : state.attempt;
  switch (move.move) {
    case 'seal':
      return { kind: 'sealed', attempt: 1 };
    case 'send':
      return { kind: 'sending', attempt };
    case 'accept':
      return { kind: 'accepted', attempt, runId: move.runId };
    case 'next-attempt':
      return state.kind === 'voiding' ? { ...state, attempt: attempt + 1 } : { kind: 'sealed', attempt: attempt + 1 };
    case 'refuse':
      return { kind: 'voiding', attempt: state.kind === 'voiding' ? attempt + 1 : 1, reason: move.reason };
    default:
      return unreachable(move);
  }
}
