import type { CallReason } from '../../shared/calls.ts';
import { unreachable } from '../../shared/errors.ts';
import type { CircuitReport } from '../replay/circuit.ts';
import type { Session } from '../transport/airflow-api.ts';
import type { HttpReply } from '../transport/http.ts';
import { classifyCall, type CallReply } from './classify-call.ts';
import { get, refused, type CallEffect, type Look, type Operation } from './operation.ts';

export interface Attempted {
  readonly effect: CallEffect;
  /** What the answers told of Airflow as a whole. */
  readonly reply: HttpReply;
}

/** For operations that may not be repeated. */
export const OUTCOME_UNKNOWN: CallEffect = {
  effect: 'die',
  reason: {
    kind: 'outcome-unknown',
    message:
      'It was sent, and no answer came that tells whether Airflow has done it. Sent again it might be done twice: look in Airflow, then retry or discard it.',
  },
};
/** For the same, restored from the mirror. */
export const OUTCOME_UNKNOWN_AFTER_LOSS: CallReason = {
  kind: 'outcome-unknown',
  message:
    'The browser had lost it, and it was restored from a copy that may be older than its sending. Sent again it might be done twice: look in Airflow, then retry or discard it.',
};

/**
 * Sends a call once, as its operation may be repeated. `onSending` puts on disk that the request may be in Airflow; it is awaited before the request leaves,
 * and false when the call is gone: then nothing is sent, and the result is undefined.
 */
export async function attemptCall(operation: Operation, session: Session, onSending: () => Promise<boolean>): Promise<Attempted | undefined> {
  if (operation.repeats === 'probe') {
    const seen = await lookAt(operation.look, session);
    if (seen.effect !== 'not-done') return { effect: seen.effect, reply: seen.reply };
  }
  if (!(await onSending())) return undefined;
  const reply = await session.send(operation.request);
  const is = classifyCall(reply);
  if (is.is !== 'taken' || operation.repeats === 'once') return { effect: effectOf(operation, is), reply };
  const seen = await lookAt(operation.look, session);
  // Taken a moment ago, and not there now: whoever had it has let it go.
  return { effect: seen.effect === 'not-done' ? { effect: 'retry', for: 'airflow' } : seen.effect, reply: seen.reply };
}

/** What an answer means for the call. */
function effectOf(operation: Operation, is: CallReply): CallEffect {
  switch (is.is) {
    case 'ok':
      return operation.read(is.json) ?? unsure(operation, { effect: 'retry', for: 'airflow' });
    case 'missing':
      return operation.missing(is.message);
    case 'taken':
      return refused(is.message, 409);
    case 'unsure':
      return unsure(operation, retry(is.for, is.retryAfterMs));
    case 'sign-in':
    case 'forbidden':
    case 'refused':
    case 'turned-away':
      return plainEffect(is);
    default:
      return unreachable(is);
  }
}

/** Nobody knows whether it was done. */
const unsure = ({ repeats }: Operation, again: CallEffect): CallEffect => (repeats === 'once' ? OUTCOME_UNKNOWN : again);

async function lookAt(look: Look, session: Session): Promise<{ effect: CallEffect | 'not-done'; reply: HttpReply }> {
  const reply = await session.send(get(look.path));
  return { effect: seenBy(look, classifyCall(reply)), reply };
}

/** A look changes nothing: whatever is unclear is looked at again. */
function seenBy(look: Look, is: CallReply): CallEffect | 'not-done' {
  switch (is.is) {
    case 'ok':
      return look.read(is.json) ?? { effect: 'retry', for: 'airflow' };
    case 'missing':
      return look.missing;
    case 'taken':
      return { effect: 'retry', for: 'airflow' };
    case 'unsure':
      return retry(is.for, is.retryAfterMs);
    case 'sign-in':
    case 'forbidden':
    case 'refused':
    case 'turned-away':
      return plainEffect(is);
    default:
      return unreachable(is);
  }
}

type Plain = Extract<CallReply, { is: 'sign-in' | 'forbidden' | 'refused' | 'turned-away' }>;

/** Airflow has not done it, and says so. */
function plainEffect(is: Plain): CallEffect {
  switch (is.is) {
    case 'sign-in':
      return { effect: 'sign-in', reason: 'refused' };
    case 'forbidden':
      return { effect: 'hold', for: 'forbidden' };
    case 'refused':
      return refused(is.message, is.status);
    case 'turned-away':
      return retry('airflow', is.retryAfterMs);
    default:
      return unreachable(is);
  }
}

const retry = (waitingFor: 'network' | 'airflow', retryAfterMs: number | undefined): CallEffect => ({
  effect: 'retry',
  for: waitingFor,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

/**
 * What an answer to a call tells of Airflow as a whole. A request that is never answered, or that makes the server fail with 500, is that lane's
 * trouble: the others go on.
 */
export function reportOfReply(reply: HttpReply, online: boolean): CircuitReport {
  if (reply.kind === 'failed') return online && reply.why === 'network' ? { told: 'struggles' } : { told: 'unsent' };
  const { is } = classifyCall(reply);
  const isInTrouble = is === 'turned-away' || (is === 'unsure' && reply.status !== 500);
  return isInTrouble ? { told: 'struggles', retryAfterMs: reply.retryAfterMs } : { told: 'answered' };
}
