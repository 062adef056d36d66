import { unreachable } from '../../shared/errors.ts';
import type { WaitingFor } from '../../shared/status.ts';
import type { Reason } from '../../shared/verdict.ts';

/**
 * Where a batch on its way stands. One table of moves:
 *
 *   open ──seal──▶ sealed ──send──▶ sending ──accept──▶ accepted ──settle──▶ settled ┐
 *                    ▲               │  ▲ └──────────────┬─────────die─────▶ dead    ┘ the row is deleted
 *                    │               │  └──send── waiting, parked ◀──wait, park──┤
 *                    └───────────────┴──────────────────refuse───────────────────┘
 *
 * Whatever a killed worker left is resumable: `sending` and `accepted` are sent again under the same run id.
 * A batch that is refused as a whole goes back to `sealed` and travels once more, as the voiding of its number; then it is `dead`, and its mutations
 * travel in other batches.
 */
export type DeliveryState =
  | { readonly kind: 'open' }
  | { readonly kind: 'sealed'; readonly attempt: number }
  | { readonly kind: 'sending'; readonly attempt: number }
  | { readonly kind: 'accepted'; readonly attempt: number; readonly runId: string }
  /** Tried again by itself at `retryAt` (ms since 1970), earlier where something has changed. */
  | { readonly kind: 'waiting'; readonly attempt: number; readonly for: WaitingFor; readonly retryAt: number; readonly runId?: string }
  /** Someone must act: sign in (`auth`), or mend Airflow (`held`), where it is tried again at `retryAt` all the same. */
  | { readonly kind: 'parked'; readonly attempt: number; readonly for: ParkedFor; readonly why: string; readonly retryAt?: number; readonly runId?: string }
  | { readonly kind: 'settled' }
  | { readonly kind: 'dead'; readonly reason: Reason };

export type ParkedFor = 'auth' | 'held';

/** Whether the next attempt asks for the same run, or for one of its own: a run that failed, is missing or another's never becomes an answer. */
export type Again = 'same-run' | 'new-run';

export type Move =
  | { readonly move: 'seal' }
  | { readonly move: 'send' }
  | { readonly move: 'accept'; readonly runId: string }
  | { readonly move: 'wait'; readonly for: WaitingFor; readonly retryAt: number; readonly again: Again }
  | { readonly move: 'park'; readonly for: ParkedFor; readonly why: string; readonly retryAt?: number; readonly again: Again }
  | { readonly move: 'refuse' }
  | { readonly move: 'settle' }
  | { readonly move: 'die'; readonly reason: Reason };

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
  /** When the oldest capture in it was made, ms since 1970: a label. */
  readonly oldestAt?: number;
  /** Why the batch was refused as a whole: from then on its voiding travels in its place. */
  readonly refusal?: Reason;
}

const MOVES: Readonly<Record<DeliveryState['kind'], readonly Move['move'][]>> = {
  open: ['seal', 'settle', 'die'],
  sealed: ['send', 'die'],
  sending: ['send', 'accept', 'wait', 'park', 'refuse', 'settle', 'die'],
  accepted: ['send', 'wait', 'park', 'refuse', 'settle', 'die'],
  waiting: ['send', 'die'],
  parked: ['send', 'die'],
  settled: [],
  dead: [],
};

/** Every state there is. */
export const DELIVERY_STATES = Object.keys(MOVES) as readonly DeliveryState['kind'][];

/** The one transition function. Throws on an illegal move: that is a bug, never an outcome. */
export function moveDelivery(state: DeliveryState, move: Move): DeliveryState {
  if (!MOVES[state.kind].includes(move.move)) throw new Error(`a delivery cannot ${move.move} while ${state.kind}`);
  const attempt = 'attempt' in state ? state.attempt : 0;
  const runId = 'runId' in state ? state.runId : undefined;
  switch (move.move) {
    case 'seal':
      return { kind: 'sealed', attempt: 1 };
    case 'send':
      return runId === undefined ? { kind: 'sending', attempt } : { kind: 'accepted', attempt, runId };
    case 'accept':
      return { kind: 'accepted', attempt, runId: move.runId };
    case 'wait':
      return { kind: 'waiting', for: move.for, retryAt: move.retryAt, ...next(attempt, runId, move.again) };
    case 'park': {
      const { why, retryAt } = move;
      return { kind: 'parked', for: move.for, why, ...(retryAt === undefined ? {} : { retryAt }), ...next(attempt, runId, move.again) };
    }
    case 'refuse':
      return { kind: 'sealed', attempt: 1 };
    case 'settle':
      return { kind: 'settled' };
    case 'die':
      return { kind: 'dead', reason: move.reason };
    default:
      return unreachable(move);
  }
}

function next(attempt: number, runId: string | undefined, again: Again): { readonly attempt: number; readonly runId?: string } {
  if (again === 'new-run') return { attempt: attempt + 1 };
  return runId === undefined ? { attempt } : { attempt, runId };
}

/** The DAG run that this delivery was accepted as (dag transport). */
export const runOf = ({ state }: Delivery): string | undefined => ('runId' in state ? state.runId : undefined);

/** Whether nothing is left of it but its entry in the log. */
export const isOver = ({ kind }: DeliveryState): boolean => kind === 'settled' || kind === 'dead';
