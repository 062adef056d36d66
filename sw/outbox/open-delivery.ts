import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import type { World } from '../world.ts';
import { advance, movedFact } from './advance.ts';
import type { Delivery } from '../state/delivery.ts';

/** The lane of all batches of a user: batches keep their order. */
export const batchLane = (user: string): string => `exchange:${user}`;

/** Inputs for a new delivery: random names, and the time (ms since 1970) for the history. */
export interface Making {
  readonly now: number;
  readonly randomHex: () => string;
}

export const makingOf = ({ clock, random }: Pick<World, 'clock' | 'random'>): Making => ({
  now: clock.now(),
  randomHex: random.hex,
});

/**
 * Keeps an open delivery exactly while something may travel: unfinished work has a wake-up (law 7).
 * Returns the delivery if it is new; the caller pushes its wake-up row after the transaction.
 * `isKnownSendable`: whether something may travel, where the caller knows; it is looked up else.
 */
export async function ensureOpenDelivery(
  tx: ReplicaTx,
  replica: Replica,
  { now, randomHex }: Making,
  isKnownSendable?: boolean,
): Promise<Delivery | undefined> {
  const open = (await tx.deliveries()).find(({ state }) => state.kind === 'open');
  const needed = isKnownSendable ?? (await tx.hasSendable());
  if (open && !needed) await advance(tx, open, { kind: 'settle' }, now);
  if (open || !needed) return undefined;
  const made: Delivery = {
    deliveryId: randomHex(),
    lane: batchLane(replica.user),
    state: { kind: 'open' },
  };
  await tx.putDelivery(made);
  await tx.appendHistory(now, [movedFact(made, 'none')]);
  return made;
}
