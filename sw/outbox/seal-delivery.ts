import { defined } from '../../shared/defined.ts';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import { eventsOf, type RecordStep } from '../record/record-events.ts';
import { withValue } from '../record/rebase-record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import type { ReplicaRecord } from '../record/record.ts';
import { advance } from './advance.ts';
import type { Delivery } from '../state/delivery.ts';
import { ensureOpenDelivery, type Making } from './open-delivery.ts';
import { sealBatch } from './seal.ts';

/**
 * `maySeal`: false while the device believes to be offline; a single batch then takes everything.
 */
export type SealOptions = Making & { readonly maySeal: boolean };

/**
 * Returns the next delivery to send, in state `sending`: the sealed delivery if there is any
 * (sealed batches never change, law 3), otherwise the open delivery, sealed now. Sealing and the
 * move to `sending` share a transaction. Nothing is sealed before the first pull is complete or
 * during a re-read: base revisions would be meaningless.
 */
export async function nextDelivery(
  tx: ReplicaTx,
  replica: Replica,
  { maySeal, ...making }: SealOptions,
): Promise<{ delivery: Delivery | undefined; events: UpdraftEvent[] }> {
  const deliveries = await tx.deliveries();
  const inFlight = deliveries.find(({ state }) => state.kind !== 'open');
  // A batch whose delivery row is lost is repaired first (settle/mend.ts): until then its records
  // cannot be told from others.
  const isLost = replica.onItsWay !== undefined;
  if (inFlight)
    return { delivery: await advance(tx, inFlight, { kind: 'send' }, making.now), events: [] };
  if (isLost || !maySeal || !replica.ready || replica.rereading)
    return { delivery: undefined, events: [] };
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
    const settled = settledLocally.map((before): RecordStep => ({
      before,
      after: withoutPending(before),
      verdict: 'merged',
    }));
    await tx.putRecords(settled.map(({ after }) => after));
    steps.push(...settled, ...sealed.map((after): RecordStep => ({ before: after, after })));
    if (batch !== undefined) {
      const oldestAt = sealed[0]?.sealed?.at;
      const frozen = {
        ...open,
        ...name,
        batch,
        epoch: replica.epoch,
        ...defined({ oldestAt }),
      };
      // The rows of sealed records are not written: the delivery's bytes name the batch's records.
      const delivery = await advance(tx, frozen, [{ kind: 'seal' }, { kind: 'send' }], making.now);
      await tx.putReplica({ ...replica, onItsWay: name.number });
      await ensureOpenDelivery(tx, replica, making);
      return { delivery, events: eventsOf(steps) };
    }
    // Records with an empty net settle here and must not hide the records behind.
    if (sendable.length > 0) continue;
    await ensureOpenDelivery(tx, replica, making);
    return { delivery: undefined, events: eventsOf(steps) };
  }
}

function withoutPending({ pending: _, ...record }: ReplicaRecord): ReplicaRecord {
  return withValue(record);
}
