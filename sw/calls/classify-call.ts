import * as v from 'valibot';
import type { HttpReply } from '../transport/http.ts';
import type { TriedAgainFor } from '../transport/transport.ts';
import { isPage } from '../transport/words.ts';

/**
 * An answer's meaning for any operation. `unsure`: nobody knows whether Airflow has done the call.
 */
export type CallReply =
  | { readonly kind: 'ok'; readonly json: unknown }
  | { readonly kind: 'taken'; readonly message: string } // done before, by this call or another
  | { readonly kind: 'missing'; readonly message: string }
  | { readonly kind: 'sign-in' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  | { readonly kind: 'turned-away'; readonly retryAfterMs?: number } // not done; to be sent again
  | { readonly kind: 'unsure'; readonly for: TriedAgainFor; readonly retryAfterMs?: number };

const Detail = v.object({ detail: v.unknown() });
const MESSAGE_LENGTH_MAX = 500;

/**
 * Maps an HTTP answer to its meaning for the operation. Only Airflow's own words (JSON, with
 * `detail` where Airflow refuses) prove that nothing was done: a proxy's page, a captive portal's
 * 200 and every 5xx leave that open.
 */
export function classifyCall(reply: HttpReply): CallReply {
  if (reply.kind === 'failed')
    return { kind: 'unsure', for: reply.why === 'redirect' ? 'sign-in-page' : 'network' };
  const { status, json } = reply;
  const again = reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs };
  if (status === 200 && json !== undefined) return { kind: 'ok', json };
  // RFC 6585: the request was not accepted, whichever server says so.
  if (status === 429) return { kind: 'turned-away', ...again };
  if (!v.is(Detail, json))
    return {
      kind: 'unsure',
      for: status === 404 || isPage200(reply) ? 'not-airflow' : 'airflow',
      ...again,
    };
  const message = wordsOf(json.detail);
  switch (status) {
    case 401:
      return { kind: 'sign-in' };
    case 403:
      if (json.detail === 'Invalid JWT token') return { kind: 'sign-in' };
      // A missing right can be given. Any other 403 concerns this very request: for instance, the
      // task asks somebody else.
      return json.detail === 'Forbidden'
        ? { kind: 'forbidden' }
        : { kind: 'refused', status, message };
    case 404:
      return { kind: 'missing', message };
    case 409:
      return { kind: 'taken', message };
    default:
      return status >= 400 && status < 500 && !COME_AGAIN.includes(status)
        ? { kind: 'refused', status, message }
        : { kind: 'unsure', for: 'airflow', ...again };
  }
}

/** Statuses that invite the client to repeat the request (RFC 9110, 15.5.9; RFC 8470). */
const COME_AGAIN: readonly number[] = [408, 425];
const isPage200 = (reply: HttpReply): boolean =>
  reply.kind === 'http' && reply.status === 200 && isPage(reply);

const Issues = v.array(
  v.object({ loc: v.array(v.union([v.string(), v.number()])), msg: v.string() }),
);

/**
 * Airflow's own words. Of a validation error only place and message are taken, not the quoted
 * input.
 */
function wordsOf(detail: unknown): string {
  const said = v.is(Issues, detail)
    ? detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')
    : typeof detail === 'string'
      ? detail
      : 'no reason given';
  return said.slice(0, MESSAGE_LENGTH_MAX);
}
