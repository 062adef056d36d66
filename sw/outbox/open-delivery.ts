import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../store/replica.ts';
import type { World } from '../world.ts';
import { advance, movedFact } from './advance.ts';
import type { Delivery } from './delivery.ts';

/** All batches of a user are one lane: they keep their order. */
export const batchLane = (user: string): string => `exchange:${user}`;

/** What a delivery is made with: a name, and the time (ms since 1970) for the log. */
export interface Making {
  readonly now: number;
  readonly randomHex: () => string;
}

export const makingOf = ({ clock, random }: Pick<World, 'clock' | 'random'>): Making => ({ now: clock.now(), randomHex: random.hex });

/**
 * Keeps one open delivery exactly while something may travel: what is unfinished has a wake-up (law 7).
 * Returns the delivery if it was made now; its wake-up row is pushed after the transaction.
 */
export async function ensureOpenDelivery(tx: ReplicaTx, replica: Replica, { now, randomHex }: Making): Promise<Delivery | undefined> {
  const open = (await tx.deliveries()).find(({ state }) => state.kind === 'open');
  const needed = await tx.hasSendable();
  if (open && !needed) await advance(tx, open, { move: 'settle' }, now);
  if (open || !needed) return undefined;
  const made: Delivery = { deliveryId: randomHex(), lane: batchLane(replica.user), state: { kind: 'open' } };
  await tx.putDelivery(made);
  await tx.appendHistory(now, [movedFact(made, 'none')]);
  return made;
}
