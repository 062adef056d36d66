import { defined } from '../../shared/defined.ts';
import type { CallReason } from '../../shared/calls.ts';
import { unreachable } from '../../shared/errors.ts';
import type { Session } from './airflow-session.ts';
import type { HttpReply } from '../transport/http.ts';
import type { TriedAgainFor } from '../transport/transport.ts';
import { statusAndWords } from '../transport/words.ts';
import { classifyCall, type CallReply } from './classify-call.ts';
import { get, refused, type CallEffect, type Look, type Operation } from './operation.ts';
import type { CircuitReport } from '../state/circuit-state.ts';

export interface Attempted {
  readonly effect: CallEffect;
  /** The last answer: tells the circuit about Airflow as a whole. */
  readonly reply: HttpReply;
}

/** The effect where an operation that must not be repeated got no clear answer. */
export const OUTCOME_UNKNOWN: CallEffect = {
  kind: 'die',
  reason: {
    kind: 'outcome-unknown',
    message:
      'It was sent, and no answer came that tells whether Airflow has done it. ' +
      'Sent again it might be done twice: look in Airflow, then retry or discard it.',
  },
};
/** The reason for such a call when it was restored from the mirror. */
export const OUTCOME_UNKNOWN_AFTER_LOSS: CallReason = {
  kind: 'outcome-unknown',
  message:
    'The browser had lost it, and it was restored from a copy that may be older than its ' +
    'sending. Sent again it might be done twice: look in Airflow, then retry or discard it.',
};

/**
 * Sends a call once, in the way its operation may be repeated. `onSending` stores that the request
 * may have reached Airflow and is awaited before the request leaves. If `onSending` is false the
 * call is gone: nothing is sent and the result is undefined. `hasFailed`: an earlier attempt
 * failed, so an unclear answer is checked against Airflow's state.
 */
export async function attemptCall(
  operation: Operation,
  session: Session,
  {
    onSending,
    hasFailed,
  }: { readonly onSending: () => Promise<boolean>; readonly hasFailed: boolean },
): Promise<Attempted | undefined> {
  if (operation.repeats === 'probe') {
    const seen = await lookAt(operation.look, session);
    if (seen.effect !== 'not-done') return { effect: seen.effect, reply: seen.reply };
  }
  if (!(await onSending())) return undefined;
  const reply = await session.send(operation.request);
  const answer = classifyCall(reply);
  if (operation.repeats === 'once') return { effect: effectOf(operation, answer), reply };
  if (answer.kind === 'unsure' && hasFailed && mayBeAboutTheCall(reply)) {
    const seen = await lookAt(operation.look, session);
    if (seen.effect === 'not-done') return { effect: turnedAway(reply), reply: seen.reply };
    if (seen.effect.kind !== 'retry') return { effect: seen.effect, reply: seen.reply };
  }
  if (answer.kind !== 'taken') return { effect: effectOf(operation, answer), reply };
  const seen = await lookAt(operation.look, session);
  // Airflow said "exists", and the look finds nothing: deleted in between, so the call is sent
  // again.
  return {
    effect: seen.effect === 'not-done' ? { kind: 'retry', for: 'airflow' } : seen.effect,
    reply: seen.reply,
  };
}

/**
 * Whether the failure may be about this very request: an overloaded server or a failing gateway
 * (429, 502–504) has not looked at the call.
 */
const mayBeAboutTheCall = (reply: HttpReply): boolean =>
  reply.kind === 'failed' || ![429, 502, 503, 504].includes(reply.status);

/** The effect of being turned away. Status and words are known, the refusing party is not. */
function turnedAway(reply: HttpReply): CallEffect {
  const came = statusAndWords(reply) ?? 'no answer came';
  const message =
    'Airflow answers other requests, this one was refused each time, by Airflow or on the way ' +
    `to it (${came}). Have it let through, then retry it.`;
  return {
    kind: 'turned-away',
    reason: {
      kind: 'refused-on-the-way',
      message,
      ...(reply.kind === 'http' ? { status: reply.status } : {}),
    },
  };
}

/** Returns the effect of an answer on the call. */
function effectOf(operation: Operation, answer: CallReply): CallEffect {
  switch (answer.kind) {
    case 'ok':
      return operation.read(answer.json) ?? unsure(operation, { kind: 'retry', for: 'airflow' });
    case 'missing':
      return operation.missing(answer.message);
    case 'taken':
      return refused(answer.message, 409);
    case 'unsure':
      return unsure(operation, retry(answer.for, answer.retryAfterMs));
    case 'sign-in':
    case 'forbidden':
    case 'refused':
    case 'turned-away':
      return plainEffect(answer);
    default:
      return unreachable(answer);
  }
}

/** Returns `again`, but an operation that must not be repeated ends with an unknown outcome. */
const unsure = ({ repeats }: Operation, again: CallEffect): CallEffect =>
  repeats === 'once' ? OUTCOME_UNKNOWN : again;

async function lookAt(
  look: Look,
  session: Session,
): Promise<{ effect: CallEffect | 'not-done'; reply: HttpReply }> {
  const reply = await session.send(get(look.path));
  return { effect: seenBy(look, classifyCall(reply)), reply };
}

/**
 * Returns the effect of a look. A look changes nothing in Airflow, so an unclear answer is simply
 * read again.
 */
function seenBy(look: Look, answer: CallReply): CallEffect | 'not-done' {
  switch (answer.kind) {
    case 'ok':
      return look.read(answer.json) ?? { kind: 'retry', for: 'airflow' };
    case 'missing':
      return look.missing;
    case 'taken':
      return { kind: 'retry', for: 'airflow' };
    case 'unsure':
      return retry(answer.for, answer.retryAfterMs);
    case 'sign-in':
    case 'forbidden':
    case 'refused':
    case 'turned-away':
      return plainEffect(answer);
    default:
      return unreachable(answer);
  }
}

type Plain = Extract<CallReply, { kind: 'sign-in' | 'forbidden' | 'refused' | 'turned-away' }>;

/** The effect of an answer in which Airflow itself says that nothing was done. */
function plainEffect(answer: Plain): CallEffect {
  switch (answer.kind) {
    case 'sign-in':
      return { kind: 'sign-in', reason: 'refused' };
    case 'forbidden':
      return { kind: 'hold', for: 'forbidden' };
    case 'refused':
      return refused(answer.message, answer.status);
    case 'turned-away':
      return retry('airflow', answer.retryAfterMs);
    default:
      return unreachable(answer);
  }
}

const retry = (waitingFor: TriedAgainFor, retryAfterMs: number | undefined): CallEffect => ({
  kind: 'retry',
  for: waitingFor,
  ...defined({ retryAfterMs }),
});

/**
 * Reports an answer to the circuit. A timeout or a 500 concerns only this call's lane: the other
 * lanes go on.
 */
export function reportOfReply(reply: HttpReply, online: boolean): CircuitReport {
  if (reply.kind === 'failed')
    return online && reply.why !== 'timeout' ? { kind: 'struggles' } : { kind: 'unsent' };
  const { kind } = classifyCall(reply);
  const isInTrouble = kind === 'turned-away' || (kind === 'unsure' && reply.status !== 500);
  return isInTrouble
    ? { kind: 'struggles', retryAfterMs: reply.retryAfterMs }
    : { kind: 'answered' };
}
