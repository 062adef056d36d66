import { defined } from '../../shared/defined.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { AttemptFact, WakeReason } from '../../shared/history.ts';
import { unreachable } from '../../shared/errors.ts';
import { batchLane } from '../outbox/open-delivery.ts';
import type { Delivery } from '../state/delivery.ts';
import type { Traffic } from '../transport/traffic.ts';
import type { Effect } from '../transport/transport.ts';
import type { World } from '../world.ts';

/**
 * Starts measuring an attempt; the returned function ends the attempt and returns its history
 * entry.
 */
export function beginAttempt(
  { clock, transport, user }: World,
  delivery: Delivery | undefined,
  wake: WakeReason,
): (effect: Effect) => AttemptFact {
  const { traffic } = transport;
  const [began, sent, received] = [clock.now(), traffic?.sent ?? 0, traffic?.received ?? 0];
  if (traffic) traffic.status = undefined;
  return (effect) => ({
    kind: 'attempt',
    lane: batchLane(user),
    ...(delivery ? { deliveryId: delivery.deliveryId } : {}),
    ...(delivery && 'attempt' in delivery.state ? { attempt: delivery.state.attempt } : {}),
    outcome: effect.kind,
    ...becauseOf(effect),
    ...statusOf(effect, traffic),
    // A clock set back meanwhile would make the difference negative.
    durationMs: Math.max(0, clock.now() - began),
    bytesSent: (traffic?.sent ?? 0) - sent,
    bytesReceived: (traffic?.received ?? 0) - received,
    wake,
  });
}

/**
 * The HTTP status of the attempt. A batch that was turned away keeps the status of its refusal,
 * because other requests came after.
 */
function statusOf(effect: Effect, traffic: Traffic | undefined): { readonly status?: number } {
  const status = effect.kind === 'turned-away' ? effect.status : traffic?.status;
  return status === undefined ? {} : { status };
}

function becauseOf(effect: Effect): { readonly why?: string; readonly via?: TransportName } {
  switch (effect.kind) {
    case 'settle':
      return {
        via: effect.via,
        ...defined({ why: effect.response.refused }),
      };
    case 'retry':
    case 'hold':
      return { why: effect.for };
    case 'wait-run':
      return { why: effect.paused ? 'dag-paused' : 'run' };
    case 'sign-in':
      return { why: effect.reason };
    case 'refuse':
    case 'turned-away':
      return { why: effect.reason.kind };
    case 'next-attempt':
      return {};
    default:
      return unreachable(effect);
  }
}
