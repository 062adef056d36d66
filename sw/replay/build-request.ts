import { hashBatch } from '../../shared/batch.ts';
import type { ExchangeRequest } from '../../shared/exchange.ts';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol-version.ts';
import type { Delivery } from '../outbox/delivery.ts';
import type { Replica } from '../store/replica.ts';

/**
 * A batch is settled first and the rest read after it: a thousand devices that come back at once would else wait for each other's pages.
 * In changes; `more` tells that there are others.
 */
const PAGE_WITH_BATCH = 200;

/** The request of a batch, of the voiding of a refused one, or (without a delivery) of a pull. Every one names the last settled batch and the user. */
export async function buildRequest(replica: Replica, delivery: Delivery | undefined): Promise<ExchangeRequest> {
  const { replicaId, user, epoch, last, since, floor } = replica;
  // The most that any way carries: what less this one carries, the server knows.
  const pull = { protocol: PROTOCOL_VERSION, replicaId, user, epoch, last, since, floor, limit: TRANSPORT_LIMITS.plugin.pageChangesMax };
  if (!delivery || delivery.batch === undefined || delivery.number === undefined || delivery.nonce === undefined) return pull;
  const head = { ...pull, limit: PAGE_WITH_BATCH };
  if (delivery.refusal) return { ...head, void: { number: delivery.number, nonce: delivery.nonce } };
  return { ...head, batch: delivery.batch, hash: await hashBatch(delivery.batch) };
}
