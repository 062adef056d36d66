import { defined } from '../../shared/defined.ts';
import { unreachable } from '../../shared/errors.ts';
import type { WaitingFor } from '../../shared/status.ts';
import type { Reason } from '../../shared/verdict.ts';

/**
 * The states of a delivery. Rows are states, columns are moves, cells are the next state, and `·`
 * is an illegal move (`delivery.test.ts` compares this table with the code):
 *
 *              seal    send      accept    wait     park    refuse  settle   die
 *   open       sealed  ·         ·         ·        ·       ·       settled  dead
 *   sealed     ·       sending   ·         ·        ·       ·       ·        dead
 *   sending    ·       sending   accepted  waiting  parked  sealed  settled  dead
 *   accepted   ·       accepted  ·         waiting  parked  sealed  settled  dead
 *   waiting    ·       sending   ·         ·        ·       ·       ·        dead
 *   parked     ·       sending   ·         ·        ·       ·       ·        dead
 *   settled    ·       ·         ·         ·        ·       ·       ·        ·
 *   dead       ·       ·         ·         ·        ·       ·       ·        ·
 *
 * `send` leads to `accepted` where the DAG run is known. The rows of settled and dead deliveries
 * are deleted. Every state is resumable after a kill: `sending` and `accepted` are sent again under
 * the same run id. A batch that is refused as a whole, at once by Airflow or several times on the
 * way, returns to `sealed` and travels once more as the voiding of its number; then the delivery is
 * `dead`, and its mutations travel in other batches.
 */
export type DeliveryState =
  | { readonly kind: 'open' }
  | { readonly kind: 'sealed'; readonly attempt: number }
  | { readonly kind: 'sending'; readonly attempt: number }
  | { readonly kind: 'accepted'; readonly attempt: number; readonly runId: string }
  /**
   * Sent again without a person at `retryAt` (ms since 1970), earlier when something has changed.
   */
  | {
      readonly kind: 'waiting';
      readonly attempt: number;
      readonly for: WaitingFor;
      readonly retryAt: number;
      readonly runId?: string;
    }
  /**
   * A person must act: sign in (`auth`), or mend Airflow (`held`). A held batch is also tried again
   * at `retryAt`.
   */
  | {
      readonly kind: 'parked';
      readonly attempt: number;
      readonly for: ParkedFor;
      readonly why: string;
      readonly retryAt?: number;
      readonly runId?: string;
    }
  | { readonly kind: 'settled' }
  | { readonly kind: 'dead'; readonly reason: Reason };

export type ParkedFor = 'auth' | 'held';

/**
 * Whether the next attempt asks for the same DAG run or makes a new run. A run that failed, is
 * missing or belongs to another request never becomes an answer.
 */
export type Again = 'same-run' | 'new-run';

export type Move =
  | { readonly kind: 'seal' }
  | { readonly kind: 'send' }
  | { readonly kind: 'accept'; readonly runId: string }
  | {
      readonly kind: 'wait';
      readonly for: WaitingFor;
      readonly retryAt: number;
      readonly again: Again;
    }
  | {
      readonly kind: 'park';
      readonly for: ParkedFor;
      readonly why: string;
      readonly retryAt?: number;
      readonly again: Again;
    }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'settle' }
  | { readonly kind: 'die'; readonly reason: Reason };

/** The delivery row. A sealed batch never changes (law 3). */
export interface Delivery {
  readonly deliveryId: string;
  readonly lane: string;
  readonly state: DeliveryState;
  /** The batch's number, nonce and sealed bytes; absent while open. */
  readonly number?: number;
  readonly nonce?: string;
  readonly batch?: string;
  readonly epoch?: string | null;
  /** Time of the batch's oldest capture, ms since 1970: a label. */
  readonly oldestAt?: number;
  /**
   * The reason why the whole batch was refused. Once set, the batch's voiding travels in its place.
   */
  readonly refusal?: Reason;
  /** Times the batch was turned away while Airflow answered a request without data. */
  readonly turnedAway?: number;
}

const MOVES: Readonly<Record<DeliveryState['kind'], readonly Move['kind'][]>> = {
  open: ['seal', 'settle', 'die'],
  sealed: ['send', 'die'],
  sending: ['send', 'accept', 'wait', 'park', 'refuse', 'settle', 'die'],
  accepted: ['send', 'wait', 'park', 'refuse', 'settle', 'die'],
  waiting: ['send', 'die'],
  parked: ['send', 'die'],
  settled: [],
  dead: [],
};

/** All states. */
export const DELIVERY_STATES = Object.keys(MOVES) as readonly DeliveryState['kind'][];

/** The only transition function. Throws on an illegal move: a bug, never an outcome. */
export function moveDelivery(state: DeliveryState, move: Move): DeliveryState {
  if (!MOVES[state.kind].includes(move.kind))
    throw new Error(`a delivery cannot ${move.kind} while ${state.kind}`);
  const attempt = 'attempt' in state ? state.attempt : 0;
  const runId = 'runId' in state ? state.runId : undefined;
  switch (move.kind) {
    case 'seal':
      return { kind: 'sealed', attempt: 1 };
    case 'send':
      return runId === undefined
        ? { kind: 'sending', attempt }
        : { kind: 'accepted', attempt, runId };
    case 'accept':
      return { kind: 'accepted', attempt, runId: move.runId };
    case 'wait':
      return {
        kind: 'waiting',
        for: move.for,
        retryAt: move.retryAt,
        ...next(attempt, runId, move.again),
      };
    case 'park': {
      const { why, retryAt } = move;
      return {
        kind: 'parked',
        for: move.for,
        why,
        ...defined({ retryAt }),
        ...next(attempt, runId, move.again),
      };
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

function next(
  attempt: number,
  runId: string | undefined,
  again: Again,
): { readonly attempt: number; readonly runId?: string } {
  if (again === 'new-run') return { attempt: attempt + 1 };
  return runId === undefined ? { attempt } : { attempt, runId };
}

/** The DAG run that carries this delivery (dag transport). */
export const runOf = ({ state }: Delivery): string | undefined =>
  'runId' in state ? state.runId : undefined;

/** Whether the delivery has ended: its row is deleted, its history stays. */
export const isOver = ({ kind }: DeliveryState): boolean => kind === 'settled' || kind === 'dead';
