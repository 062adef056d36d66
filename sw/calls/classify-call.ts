import * as v from 'valibot';
import type { HttpReply } from '../transport/http.ts';

/** What an answer means, whatever was asked. `unsure`: nobody knows whether it was done. */
export type CallReply =
  | { readonly is: 'ok'; readonly json: unknown }
  | { readonly is: 'taken'; readonly message: string } // done before, by this call or by another
  | { readonly is: 'missing'; readonly message: string }
  | { readonly is: 'sign-in' }
  | { readonly is: 'forbidden' }
  | { readonly is: 'refused'; readonly status: number; readonly message: string }
  | { readonly is: 'turned-away'; readonly retryAfterMs?: number } // not done, come again
  | { readonly is: 'unsure'; readonly for: 'network' | 'airflow'; readonly retryAfterMs?: number };

const Detail = v.object({ detail: v.unknown() });
const MESSAGE_LENGTH_MAX = 500;

/**
 * The one table from an HTTP answer to what it says about the operation. Only Airflow's own words (JSON, with `detail` where it refuses) say that
 * nothing was done: a proxy's page, a captive portal's 200 and every 5xx leave it open.
 */
export function classifyCall(reply: HttpReply): CallReply {
  if (reply.kind === 'failed') return { is: 'unsure', for: 'network' };
  const { status, json } = reply;
  const again = reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs };
  if (status === 200 && json !== undefined) return { is: 'ok', json };
  // By its meaning (RFC 6585) it was not taken in, whoever says it.
  if (status === 429) return { is: 'turned-away', ...again };
  if (!v.is(Detail, json)) return { is: 'unsure', for: 'airflow', ...again };
  switch (status) {
    case 401:
      return { is: 'sign-in' };
    case 403:
      return { is: json.detail === 'Invalid JWT token' ? 'sign-in' : 'forbidden' };
    case 404:
      return { is: 'missing', message: wordsOf(json.detail) };
    case 409:
      return { is: 'taken', message: wordsOf(json.detail) };
    case 400:
    case 405:
    case 413:
    case 415:
    case 422:
      return { is: 'refused', status, message: wordsOf(json.detail) };
    default:
      return { is: 'unsure', for: 'airflow', ...again };
  }
}

const Issues = v.array(v.object({ loc: v.array(v.union([v.string(), v.number()])), msg: v.string() }));

/** Airflow's own words; of a validation error place and message, not the input it quotes. */
function wordsOf(detail: unknown): string {
  const said = v.is(Issues, detail)
    ? detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')
    : typeof detail === 'string'
      ? detail
      : 'no reason given';
  return said.slice(0, MESSAGE_LENGTH_MAX);
}
