import type { CallAttemptFact, WakeReason } from '../../shared/history.ts';
import { unreachable } from '../../shared/errors.ts';
import type { HttpReply } from '../transport/http.ts';
import type { Clock } from '../world.ts';
import type { StoredCall } from '../state/call.ts';
import type { CallEffect } from './operation.ts';

/** The end of an attempt. `reply`: the last answer; absent where nothing could be asked. */
export interface CallAttemptEnd {
  readonly effect: CallEffect;
  readonly hasSent: boolean;
  readonly reply?: HttpReply;
}

/**
 * Starts measuring an attempt of a call; the returned function ends the attempt and returns the
 * history entry.
 */
export function beginCallAttempt(
  clock: Clock,
  { id, lane, attempts }: StoredCall,
  wake: WakeReason,
): (end: CallAttemptEnd) => CallAttemptFact {
  const began = clock.now();
  return ({ effect, hasSent, reply }) => ({
    kind: 'call-attempt',
    callId: id,
    lane,
    attempt: hasSent ? attempts + 1 : attempts,
    outcome: effect.kind,
    ...becauseOf(effect),
    ...(reply?.kind === 'http' ? { status: reply.status } : {}),
    // A clock set back meanwhile would make the difference negative.
    durationMs: Math.max(0, clock.now() - began),
    wake,
  });
}

function becauseOf(effect: CallEffect): { readonly why?: string } {
  switch (effect.kind) {
    case 'retry':
    case 'hold':
      return { why: effect.for };
    case 'sign-in':
      return { why: effect.reason };
    case 'settle':
      return { why: effect.outcome.kind };
    case 'die':
    case 'turned-away':
      return { why: effect.reason.kind };
    case 'accept':
      return {};
    default:
      return unreachable(effect);
  }
}
