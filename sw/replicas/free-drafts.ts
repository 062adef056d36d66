import { own } from '../../shared/json.ts';
import type { Declarations } from '../../shared/collections.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import { freedDraft } from '../declarations/on-the-spot.ts';
import { ensureOpenDelivery, type Making } from '../outbox/open-delivery.ts';
import { eventsOf } from '../record/record-events.ts';
import type { Replica } from '../state/replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';

/** Lets drafts travel that fit the newer declarations; returns the events to tell. */
export async function freeDrafts(
  tx: ReplicaTx,
  replica: Replica,
  declarations: Declarations,
  making: Making,
): Promise<readonly UpdraftEvent[]> {
  const steps = (await tx.rejected()).flatMap((before) => {
    const after = freedDraft(before, own(declarations, before.collection)?.schema);
    return after === before ? [] : [{ before, after }];
  });
  if (steps.length === 0) return [];
  await tx.putRecords(steps.map(({ after }) => after));
  await ensureOpenDelivery(tx, replica, making);
  return eventsOf(steps);
}
