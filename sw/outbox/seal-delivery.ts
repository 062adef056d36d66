import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import { eventsOf, type RecordStep } from '../settle/record-events.ts';
import { withValue } from '../settle/rebase-record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../store/replica.ts';
import type { ReplicaRecord } from '../store/record.ts';
import { advance } from './advance.ts';
import type { Delivery } from './delivery.ts';
import { ensureOpenDelivery, type Making } from './open-delivery.ts';
import { sealBatch } from './seal.ts';

/** `maySeal`: false where the device is offline as far as it knows: one batch then takes it all. */
export type SealOptions = Making & { readonly maySeal: boolean };

/**
 * The delivery to send next, on its way: the sealed one if there is one (it never changes, law 3), else the open one, sealed now. That it is sent is
 * written together with what is sent: it takes no transaction of its own.
 * Nothing is sealed before the first pull is complete or during a re-read: base revisions would mean nothing.
 */
export async function nextDelivery(
  tx: ReplicaTx,
  replica: Replica,
  { maySeal, ...making }: SealOptions,
): Promise<{ delivery: Delivery | undefined; events: UpdraftEvent[] }> {
  const deliveries = await tx.deliveries();
  const onItsWay = deliveries.find(({ state }) => state.kind !== 'open');
  // A batch whose delivery is lost is mended first (settle/mend.ts): until then its records cannot be told from others.
  const isLost = replica.onItsWay !== undefined;
  if (onItsWay) return { delivery: await advance(tx, onItsWay, { move: 'send' }, making.now), events: [] };
  if (isLost || !maySeal || !replica.ready || replica.rereading) return { delivery: undefined, events: [] };
  const open = deliveries.find(({ state }) => state.kind === 'open');
  if (!open) return { delivery: undefined, events: [] };
  const step = __UPDRAFT_PLANTED_BUG__ === 'batch-number-reused' && replica.last ? 0 : 1;
  const name = { number: (replica.last?.number ?? 0) + step, nonce: making.randomHex() };
  const carried = TRANSPORT_LIMITS[replica.via ?? 'dag'];
  const limits = {
    ...carried,
    batchMutationsMax: Math.min(replica.mutationsMax, carried.batchMutationsMax),
    batchBytesMax: Math.min(replica.bytesMax ?? carried.batchBytesMax, carried.batchBytesMax),
  };
  const steps: RecordStep[] = [];
  for (;;) {
    const sendable = await tx.sendable(limits.batchMutationsMax);
    const { batch, sealed, settledLocally } = sealBatch(sendable, name, limits);
    const settled = settledLocally.map((before): RecordStep => ({ before, after: withoutPending(before), verdict: 'merged' }));
    await tx.putRecords(settled.map(({ after }) => after));
    steps.push(...settled, ...sealed.map((after): RecordStep => ({ before: after, after })));
    if (batch !== undefined) {
      const oldestAt = sealed[0]?.sealed?.at;
      const frozen = { ...open, ...name, batch, epoch: replica.epoch, ...(oldestAt === undefined ? {} : { oldestAt }) };
      // The rows of what is in it stay as they are: the delivery's bytes say which they are.
      const delivery = await advance(tx, frozen, [{ move: 'seal' }, { move: 'send' }], making.now);
      await tx.putReplica({ ...replica, onItsWay: name.number });
      await ensureOpenDelivery(tx, replica, making);
      return { delivery, events: eventsOf(steps) };
    }
    // Empty nets settle here and must not hide what stands behind them.
    if (sendable.length > 0) continue;
    await ensureOpenDelivery(tx, replica, making);
    return { delivery: undefined, events: eventsOf(steps) };
  }
}

function withoutPending({ pending: _, ...record }: ReplicaRecord): ReplicaRecord {
  return withValue(record);
}
