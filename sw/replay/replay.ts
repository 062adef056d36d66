import type { DeviceReport, ExchangeRequest } from '../../shared/exchange.ts';
import type { AttemptFact, WakeReason } from '../../shared/history.ts';
import type { Desk } from '../desk.ts';
import { advance } from '../outbox/advance.ts';
import { runOf, type Delivery } from '../outbox/delivery.ts';
import { credentialsOf, type Replica } from '../store/replica.ts';
import type { Effect, ExchangeJob } from '../transport/transport.ts';
import type { World } from '../world.ts';
import { beginAttempt } from './attempt-fact.ts';
import { buildRequest } from './build-request.ts';

export interface Replayed {
  readonly effect: Effect;
  readonly request: ExchangeRequest;
  /** The delivery as it is now. */
  readonly sent: Delivery | undefined;
  /** For the log, to be written with what comes of it. */
  readonly fact: AttemptFact;
}

interface Replaying {
  readonly replica: Replica;
  /** On its way, as it is on disk. None: a pull. */
  readonly delivery: Delivery | undefined;
  readonly device: DeviceReport;
  readonly wake: WakeReason;
  /** Done while the answer is awaited. Resolves always. */
  readonly meanwhile: () => Promise<void>;
}

/** Sends a delivery (or a pull), again if needed: every resend is byte-identical. Each step is on disk before the next one is taken. */
export async function replay(world: World, desk: Desk, { replica, delivery, device, wake, meanwhile }: Replaying): Promise<Replayed> {
  const request = { ...(await buildRequest(replica, delivery)), device };
  let sent = delivery;
  if (delivery && __UPDRAFT_PLANTED_BUG__ === 'delete-before-send') for (const row of await world.queue.peek(delivery.lane)) await world.queue.remove(row);
  const endAttempt = beginAttempt(world, sent, wake);
  const onAccepted = async (runId: string): Promise<void> => {
    const before = sent;
    if (before?.state.kind === 'sending') sent = await world.store.write((tx) => advance(tx, before, { move: 'accept', runId }, world.clock.now()));
    await desk.tellStatus();
  };
  const answer = world.transport.exchange({ request, delivery: named(sent), onAccepted }, credentialsOf(replica.auth));
  const [effect] = await Promise.all([answer, meanwhile()]);
  return { effect, request, sent, fact: endAttempt(effect) };
}

/** What the transport needs to know of a delivery. */
function named(sent: Delivery | undefined): ExchangeJob['delivery'] {
  if (sent?.number === undefined || !('attempt' in sent.state)) return null;
  const acceptedRun = runOf(sent);
  return { number: sent.number, attempt: sent.state.attempt, ...(acceptedRun === undefined ? {} : { acceptedRun }) };
}
