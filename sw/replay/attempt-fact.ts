import type { AttemptFact, WakeReason } from '../../shared/history.ts';
import { unreachable } from '../../shared/errors.ts';
import { batchLane } from '../outbox/open-delivery.ts';
import type { Delivery } from '../outbox/delivery.ts';
import type { Effect } from '../transport/transport.ts';
import type { World } from '../world.ts';

/** Measures one attempt; the function returned ends it and says what the log keeps of it. */
export function beginAttempt({ clock, transport, user }: World, delivery: Delivery | undefined, wake: WakeReason): (effect: Effect) => AttemptFact {
  const { traffic } = transport;
  const [began, sent, received] = [clock.now(), traffic?.sent ?? 0, traffic?.received ?? 0];
  if (traffic) traffic.status = undefined;
  return (effect) => ({
    kind: 'attempt',
    lane: batchLane(user),
    ...(delivery ? { deliveryId: delivery.deliveryId } : {}),
    ...(delivery && 'attempt' in delivery.state ? { attempt: delivery.state.attempt } : {}),
    outcome: effect.effect,
    ...becauseOf(effect),
    ...(traffic?.status === undefined ? {} : { status: traffic.status }),
    // A clock set back meanwhile would make it negative.
    durationMs: Math.max(0, clock.now() - began),
    bytesSent: (traffic?.sent ?? 0) - sent,
    bytesReceived: (traffic?.received ?? 0) - received,
    wake,
  });
}

function becauseOf(effect: Effect): { readonly why?: string; readonly via?: 'plugin' | 'dag' } {
  switch (effect.effect) {
    case 'settle':
      return { via: effect.via, ...(effect.response.refused === undefined ? {} : { why: effect.response.refused }) };
    case 'retry':
    case 'hold':
      return { why: effect.for };
    case 'wait-run':
      return { why: effect.paused ? 'dag-paused' : 'run' };
    case 'sign-in':
      return { why: effect.reason };
    case 'refuse':
      return { why: effect.reason.kind };
    case 'next-attempt':
      return {};
    default:
      return unreachable(effect);
  }
}
