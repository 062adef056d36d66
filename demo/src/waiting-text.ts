import type { Status, WaitingFor } from '../../client/index.ts';
import { WAITING_WORDS } from './words.ts';

/** "Airflow cannot be reached, next try in 12 s". `now` and `until` in ms since 1970. */
export function waitingText(
  waiting: { readonly for: WaitingFor; readonly until?: number },
  now: number,
): string {
  const { text, next } = WAITING_WORDS[waiting.for];
  if (waiting.until === undefined) return `${text}: ${next}`;
  const left_s = Math.ceil((waiting.until - now) / 1_000);
  if (left_s <= 0) return `${text}, trying now`;
  // Without a network the browser's event counts, not the clock: sending starts the moment the
  // network is back.
  return waiting.for === 'network'
    ? `${text}: ${next}`
    : `${text}, ${waiting.for === 'run' ? 'next look' : 'next try'} in ${duration(left_s)}`;
}

/** "12 s", "3 min" */
const duration = (seconds: number): string =>
  seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;

/** Names the running activity, if there is any. */
export function phaseText({ phase, unsent }: Status): string | undefined {
  if (phase === 'sending')
    return unsent === 1 ? 'Sending 1 change …' : `Sending ${unsent} changes …`;
  return phase === 'pulling' ? 'Looking for news in Airflow …' : undefined;
}

/**
 * Returns the wait to tell a person about. A network that is back is in use already, even while the
 * last failure is still remembered.
 */
export function waitingNow({ waiting, online, phase }: Status): Status['waiting'] {
  return waiting?.for === 'network' && online && (phase === 'sending' || phase === 'pulling')
    ? undefined
    : waiting;
}

/**
 * Returns the transport of the exchanges while exchanges succeed: news from Airflow must not be
 * promised while nothing gets through.
 */
export function viaNow(status: Status): Status['via'] {
  const waiting = waitingNow(status);
  const isMoving = waiting === undefined || waiting.for === 'run' || waiting.for === 'person';
  return status.online && status.auth === 'ok' && isMoving ? status.via : undefined;
}
