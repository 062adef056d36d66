import type { ExchangeRequest } from '../../shared/exchange.ts';
import type { AttemptFact } from '../../shared/history.ts';
import type { AuthReason } from '../../shared/messages.ts';
import { advance } from '../outbox/advance.ts';
import type { Delivery, Move } from '../state/delivery.ts';
import type { Replica } from '../state/replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { CredentialsKind, Effect } from '../transport/transport.ts';
import type { World } from '../world.ts';

/** An exchange's attempt that has ended. */
export interface Attempt {
  readonly effect: Effect;
  readonly request: ExchangeRequest;
  readonly delivery: Delivery | undefined;
  /** Number of sign-ins when the attempt began. */
  readonly signIns: number;
  readonly signedInBy: CredentialsKind;
  /**
   * The sign-in required when the attempt began. If a call lane required a sign-in after that, this
   * attempt's success must not clear the newer requirement.
   */
  readonly signInRequiredAtStart: AuthReason | null;
  /** Time at which the circuit allows the next request (ms since 1970). */
  readonly dueAt: number | undefined;
  /** The attempt's history entry. */
  readonly fact: AttemptFact;
}

/** `more`: settled, and the feed has further pages, or may have. */
export type Exchanged = 'settled' | 'more' | 'failed';

/** Returns the replica with the attempt's bytes added. */
export function withBytes(replica: Replica, fact: AttemptFact): Replica {
  const { sent, received } = replica.bytes ?? { sent: 0, received: 0 };
  return {
    ...replica,
    bytes: { sent: sent + fact.bytesSent, received: received + fact.bytesReceived },
  };
}

/** Stores the attempt and the delivery's move, in the transaction of their consequences. */
export async function moveOn(
  tx: ReplicaTx,
  world: World,
  { delivery, fact }: Attempt,
  move: Move,
): Promise<void> {
  const now = world.clock.now();
  await tx.appendHistory(now, [fact]);
  if (delivery) await advance(tx, delivery, move, now);
}
