import type { ExchangeRequest } from '../../shared/exchange.ts';
import type { Desk } from '../desk.ts';
import { moveDelivery, type Delivery, type Move } from '../outbox/delivery.ts';
import type { Replica } from '../store/replica.ts';
import type { Effect } from '../transport/transport.ts';
import type { World } from '../world.ts';
import { buildRequest } from './build-request.ts';

export interface Replayed {
  readonly effect: Effect;
  readonly request: ExchangeRequest;
  /** The delivery as it is now. */
  readonly sent: Delivery | undefined;
}

/** Sends a delivery (or a pull), again if needed: every resend is byte-identical. Each step is on disk before the next one is taken. */
export async function replay(world: World, desk: Desk, replica: Replica, delivery: Delivery | undefined): Promise<Replayed> {
  const request = await buildRequest(replica, delivery);
  let sent = delivery;
  const move = async (step: Move): Promise<void> => {
    if (!sent) return;
    const moved = { ...sent, state: moveDelivery(sent.state, step) };
    await world.store.write((tx) => tx.putDelivery(moved));
    sent = moved;
  };
  const acceptedRun = delivery?.state.kind === 'accepted' ? delivery.state.runId : undefined;
  if (delivery && delivery.state.kind !== 'voiding' && acceptedRun === undefined) await move({ move: 'send' });
  if (delivery && __UPDRAFT_PLANTED_BUG__ === 'delete-before-send') for (const row of await world.queue.peek(delivery.lane)) await world.queue.remove(row);
  const effect = await world.transport.exchange(
    {
      request,
      delivery:
        delivery?.number === undefined || delivery.state.kind === 'open'
          ? null
          : { number: delivery.number, attempt: delivery.state.attempt, ...(acceptedRun === undefined ? {} : { acceptedRun }) },
      onAccepted: async (runId) => {
        if (sent?.state.kind === 'sending') await move({ move: 'accept', runId });
        await desk.tellStatus();
      },
    },
    replica.auth.kind === 'none' ? 'memory' : replica.auth.kind,
  );
  return { effect, request, sent };
}
