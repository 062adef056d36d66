import type { CallAttemptFact, WakeReason } from '../../shared/history.ts';
import { unreachable } from '../../shared/errors.ts';
import type { HttpReply } from '../transport/http.ts';
import type { Clock } from '../world.ts';
import type { StoredCall } from './call.ts';
import type { CallEffect } from './operation.ts';

/** How an attempt ended. `reply`: the last answer; none where nothing could be asked. */
export interface CallAttemptEnd {
  readonly effect: CallEffect;
  readonly hasSent: boolean;
  readonly reply?: HttpReply;
}

/** Measures one attempt of a call; the function returned ends it and says what the log keeps of it. */
export function beginCallAttempt(clock: Clock, { id, lane, attempts }: StoredCall, wake: WakeReason): (end: CallAttemptEnd) => CallAttemptFact {
  const began = clock.now();
  return ({ effect, hasSent, reply }) => ({
    kind: 'call-attempt',
    callId: id,
    lane,
    attempt: hasSent ? attempts + 1 : attempts,
    outcome: effect.effect,
    ...becauseOf(effect),
    ...(reply?.kind === 'http' ? { status: reply.status } : {}),
    // A clock set back meanwhile would make it negative.
    durationMs: Math.max(0, clock.now() - began),
    wake,
  });
}

function becauseOf(effect: CallEffect): { readonly why?: string } {
  switch (effect.effect) {
    case 'retry':
    case 'hold':
      return { why: effect.for };
    case 'sign-in':
      return { why: effect.reason };
    case 'settle':
      return { why: effect.outcome.kind };
    case 'die':
      return { why: effect.reason.kind };
    case 'accept':
      return {};
    default:
      return unreachable(effect);
  }
}
