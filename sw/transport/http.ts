import { Traffic } from './traffic.ts';

/** What came back, before anyone says what it means. `json` is undefined unless the body parsed as JSON. */
export type HttpReply =
  | { readonly kind: 'failed'; readonly why: 'network' | 'timeout' }
  | { readonly kind: 'http'; readonly status: number; readonly json: unknown; readonly retryAfterMs?: number };

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  /** Send a large body compressed; only to a server known to understand it. */
  readonly compress?: boolean;
  readonly timeoutMs: number;
}

/** Added at send time, never stored with a request (law 9). */
export interface Authorization {
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: 'omit' | 'same-origin';
}

export type Http = (request: HttpRequest, authorization: Authorization) => Promise<HttpReply>;

/**
 * Sends to one Airflow and nowhere else. Redirects are errors (captive portals), nothing is cached, and everything has a time limit.
 * What it transfers is added to `traffic`. `X-Updraft: 1` marks requests that no other site can make with the cookie: a server may demand it. Airflow's stock API does not.
 */
export function createHttp(airflow: string, fetchOf: typeof fetch, now: () => number, traffic = new Traffic()): Http {
  return async ({ method, path, body, compress, timeoutMs }, { headers, credentials }) => {
    try {
      const packed = compress && body !== undefined && body.length >= COMPRESSED_FROM ? await gzip(body) : undefined;
      traffic.sent += packed?.byteLength ?? byteLength(body ?? '');
      const response = await fetchOf(airflow + path, {
        method,
        ...(body === undefined ? {} : { body: packed ?? body }),
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(packed ? { 'content-encoding': 'gzip' } : {}),
          'x-updraft': '1',
          ...headers,
        },
        credentials,
        redirect: 'error',
        cache: 'no-store',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), now());
      traffic.status = response.status;
      const text = await response.text();
      traffic.received += Number(response.headers.get('content-length')) || byteLength(text);
      return { kind: 'http', status: response.status, json: lastJsonLine(text), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    } catch (error) {
      return { kind: 'failed', why: error instanceof DOMException && error.name === 'TimeoutError' ? 'timeout' : 'network' };
    }
  };
}

const byteLength = (text: string): number => new TextEncoder().encode(text).byteLength;

/** In characters: below this a packet more or less is all that compression could save. */
const COMPRESSED_FROM = 2_000;

async function gzip(text: string): Promise<ArrayBuffer | undefined> {
  if (typeof CompressionStream === 'undefined') return undefined;
  // Written by hand: a blob would be made in another process first.
  const { readable, writable } = new CompressionStream('gzip');
  const writer = writable.getWriter();
  const written = writer.write(new TextEncoder().encode(text)).then(() => writer.close());
  const [packed] = await Promise.all([new Response(readable).arrayBuffer(), written]);
  return packed;
}

/** JSON, or the last line of newline-delimited JSON that is complete. */
function lastJsonLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const last = text.trimEnd().split('\n').at(-1);
    if (last === undefined || last === text) return undefined;
    try {
      return JSON.parse(last);
    } catch {
      return undefined;
    }
  }
}

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), in ms from now. */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
