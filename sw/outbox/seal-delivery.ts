import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import { eventsOf, type RecordStep } from '../settle/record-events.ts';
import { withValue } from '../settle/rebase-record.ts';
import type { ReplicaTx } from '../store/replica-store.ts';
import type { Replica } from '../store/replica.ts';
import type { ReplicaRecord } from '../store/record.ts';
import { moveDelivery, type Delivery } from './delivery.ts';
import { ensureOpenDelivery } from './open-delivery.ts';
import { sealBatch } from './seal.ts';

/**
 * The delivery to send next: the sealed one if there is one (it never changes, law 3), else the open one, sealed now.
 * Nothing is sealed before the first pull is complete or during a re-read: base revisions would mean nothing.
 */
export async function nextDelivery(
  tx: ReplicaTx,
  replica: Replica,
  randomHex: () => string,
): Promise<{ delivery: Delivery | undefined; events: UpdraftEvent[] }> {
  const deliveries = await tx.deliveries();
  const onItsWay = deliveries.find(({ state }) => state.kind !== 'open');
  if (onItsWay || !replica.ready || replica.rereading) return { delivery: onItsWay, events: [] };
  const open = deliveries.find(({ state }) => state.kind === 'open');
  if (!open) return { delivery: undefined, events: [] };
  const name = { number: (replica.last?.number ?? 0) + 1, nonce: randomHex() };
  const carried = TRANSPORT_LIMITS[replica.via ?? 'dag'];
  const limits = { ...carried, batchMutationsMax: Math.min(replica.mutationsMax, carried.batchMutationsMax) };
  const steps: RecordStep[] = [];
  for (;;) {
    const sendable = await tx.sendable(limits.batchMutationsMax);
    const { batch, sealed, settledLocally } = sealBatch(sendable, name, limits);
    const settled = settledLocally.map((before): RecordStep => ({ before, after: withoutPending(before), verdict: 'merged' }));
    await tx.putRecords([...sealed, ...settled.map(({ after }) => after)]);
    steps.push(...settled, ...sealed.map((after): RecordStep => ({ before: after, after })));
    if (batch !== undefined) {
      const delivery: Delivery = { ...open, ...name, batch, epoch: replica.epoch, state: moveDelivery(open.state, { move: 'seal' }) };
      await tx.putDelivery(delivery);
      await ensureOpenDelivery(tx, replica, randomHex);
      return { delivery, events: eventsOf(steps) };
    }
    // Empty nets settle here and must not hide what stands behind them.
    if (sendable.length > 0) continue;
    await ensureOpenDelivery(tx, replica, randomHex);
    return { delivery: undefined, events: eventsOf(steps) };
  }
}

function withoutPending({ pending: _, ...record }: ReplicaRecord): ReplicaRecord {
  return withValue(record);
}
