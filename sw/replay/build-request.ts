import { hashBatch, type Batch } from '../../shared/batch.ts';
import type { ExchangeRequest } from '../../shared/exchange.ts';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import { PROTOCOL_FLOOR, PROTOCOL_VERSION } from '../../shared/protocol-version.ts';
import type { Delivery } from '../state/delivery.ts';
import type { Replica } from '../state/replica.ts';

/**
 * Changes in the page of an answer to a batch. `more` announces the rest, which is read after the
 * batch is settled: a thousand devices that come back at once would otherwise wait for each other's
 * pages.
 */
const PAGE_WITH_BATCH = 200;

/**
 * Builds the request of a batch, of the voiding of a refused batch, or (without a delivery) of a
 * pull. Every request names the user and the last settled batch.
 */
export async function buildRequest(
  replica: Replica,
  delivery: Delivery | undefined,
): Promise<ExchangeRequest> {
  const { replicaId, user, epoch, last, since, floor, proof } = replica;
  // The highest limit of all transports: the server knows the limit of the transport in use.
  const limit = TRANSPORT_LIMITS.plugin.pageChangesMax;
  const at = {
    protocol: PROTOCOL_FLOOR,
    replicaId,
    user,
    epoch,
    last,
    since,
    floor,
    limit,
    holds: replica.holding.split(','),
  };
  const pull = proof === undefined ? at : { ...at, proof };
  if (
    !delivery ||
    delivery.batch === undefined ||
    delivery.number === undefined ||
    delivery.nonce === undefined
  )
    return pull;
  const head = { ...pull, limit: PAGE_WITH_BATCH };
  if (delivery.refusal)
    return { ...head, void: { number: delivery.number, nonce: delivery.nonce } };
  const { batch } = delivery;
  return { ...head, protocol: protocolOf(batch), batch, hash: await hashBatch(batch) };
}

/**
 * Returns the oldest version of the protocol that holds everything in the batch: a server that is
 * updated later than the app takes all batches until then, but for those that it would not
 * understand.
 */
function protocolOf(batch: string): number {
  // A field of this name looks alike, hence the second look. Most batches need none.
  if (!batch.includes('"elements":')) return PROTOCOL_FLOOR;
  try {
    const { mutations } = JSON.parse(batch) as Batch;
    return mutations.some(({ elements }) => elements) ? PROTOCOL_VERSION : PROTOCOL_FLOOR;
  } catch {
    // A script has overwritten the row. Airflow refuses such a batch by its hash or its form.
    return PROTOCOL_FLOOR;
  }
}
