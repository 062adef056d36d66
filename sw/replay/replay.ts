import type { Engine } from './engine.ts';
import { defined } from '../../shared/defined.ts';
import type { DeviceReport, ExchangeRequest } from '../../shared/exchange.ts';
import type { AttemptFact, WakeReason } from '../../shared/history.ts';
import { advance } from '../outbox/advance.ts';
import { runOf, type Delivery } from '../state/delivery.ts';
import { credentialsOf, type Replica } from '../state/replica.ts';
import type { Effect, ExchangeJob } from '../transport/transport.ts';
import { beginAttempt } from './attempt-fact.ts';
import { buildRequest } from './build-request.ts';

export interface Replayed {
  readonly effect: Effect;
  readonly request: ExchangeRequest;
  /** The delivery in its present state. */
  readonly sent: Delivery | undefined;
  /** The history entry, to be written together with the effect. */
  readonly fact: AttemptFact;
}

interface Replaying {
  readonly replica: Replica;
  /** The stored delivery, in state `sending` or `accepted`. None: a pull. */
  readonly delivery: Delivery | undefined;
  readonly device: DeviceReport;
  readonly wake: WakeReason;
  /** Work done while the answer is awaited; never rejects. */
  readonly meanwhile: () => Promise<void>;
}

/**
 * Sends a delivery (or a pull), again if needed; every resend is byte-identical. Each step is on
 * disk before the next is taken.
 */
export async function replay(
  engine: Engine,
  { replica, delivery, device, wake, meanwhile }: Replaying,
): Promise<Replayed> {
  const request = { ...(await buildRequest(replica, delivery)), device };
  let sent = delivery;
  if (delivery && __UPDRAFT_PLANTED_BUG__ === 'delete-before-send')
    for (const row of await engine.world.queue.peek(delivery.lane))
      await engine.world.queue.remove(row);
  const endAttempt = beginAttempt(engine.world, sent, wake);
  const onAccepted = async (runId: string): Promise<void> => {
    const before = sent;
    if (before?.state.kind === 'sending')
      sent = await engine.world.store.write((tx) =>
        advance(tx, before, { kind: 'accept', runId }, engine.world.clock.now()),
      );
    await engine.desk.reporter.tellStatus();
  };
  const answer = engine.world.transport.exchange(
    { request, delivery: named(sent), onAccepted },
    credentialsOf(replica.auth),
  );
  const [effect] = await Promise.all([answer, meanwhile()]);
  return { effect, request, sent, fact: endAttempt(effect) };
}

/** The transport's view of a delivery. */
function named(sent: Delivery | undefined): ExchangeJob['delivery'] {
  if (sent?.number === undefined || !('attempt' in sent.state)) return null;
  const acceptedRun = runOf(sent);
  return {
    number: sent.number,
    attempt: sent.state.attempt,
    ...defined({ acceptedRun }),
  };
}
