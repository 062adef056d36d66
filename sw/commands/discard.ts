import type { Command } from '../../shared/messages.ts';
import type { OpenReplica } from '../open-replica.ts';
import { changeOnce, DONE } from '../capture/change-once.ts';
import { ensureOpenDelivery, makingOf } from '../outbox/open-delivery.ts';
import { discardPending } from '../record/discard.ts';
import { eventsOf } from '../record/record-events.ts';
import { damagedRowsOf } from './quarantine.ts';

/**
 * Discards a record's pending change. Without a change on the record itself, the record's rows in
 * quarantine are discarded.
 */
export function discard(
  open: OpenReplica,
  { requestId, collection, id }: Extract<Command, { type: 'discard' }>,
): Promise<null> {
  return changeOnce(open, requestId, DONE, async (tx, replica) => {
    const before = await tx.record(collection, id, 0);
    const damaged =
      before.pending || before.sealed ? [] : await damagedRowsOf(tx, replica, { collection, id });
    await tx.quarantine.remove(damaged.map(({ number }) => number));
    if (damaged.length > 0) return { answer: null, events: [] };
    const after = discardPending(before);
    await tx.putRecords([after]);
    await ensureOpenDelivery(tx, replica, makingOf(open.world));
    return { answer: null, events: eventsOf([{ before, after, verdict: 'discarded' }]) };
  });
}
