import { defined } from '../../shared/defined.ts';
import { Traffic } from './traffic.ts';

/** A reply before its classification. */
export type HttpReply =
  /**
   * `redirect`: the server sent the request on to another address, as sign-in pages do. The address
   * is not followed, and the browser does not reveal which.
   */
  | { readonly kind: 'failed'; readonly why: 'network' | 'timeout' | 'redirect' }
  | {
      readonly kind: 'http';
      readonly status: number;
      /** Undefined unless the body parsed as JSON. */
      readonly json: unknown;
      /** The beginning of a body that is not JSON. */
      readonly text?: string;
      readonly retryAfterMs?: number;
    };

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  /** Sends a large body compressed; only to a server known to decompress. */
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
 * Creates the sender for one Airflow and no other server. Redirects are not followed (captive
 * portals, sign-in pages), nothing is cached, and every request has a time limit. Transferred bytes
 * are added to `traffic`. `X-Updraft: 1` marks requests that no other site can make with the
 * cookie: a server may demand the header. Airflow's stock API does not.
 */
export function createHttp(
  airflow: string,
  fetchOf: typeof fetch,
  now: () => number,
  traffic = new Traffic(),
): Http {
  return async ({ method, path, body, compress, timeoutMs }, { headers, credentials }) => {
    try {
      const packed = compress && isPacked(body) ? await gzip(body) : undefined;
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
        redirect: 'manual',
        cache: 'no-store',
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.type === 'opaqueredirect') return { kind: 'failed', why: 'redirect' };
      const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), now());
      traffic.status = response.status;
      const text = await response.text();
      traffic.received += Number(response.headers.get('content-length')) || byteLength(text);
      const json = lastJsonLine(text);
      return {
        kind: 'http',
        status: response.status,
        json,
        ...(json === undefined && text !== '' ? { text: text.slice(0, TEXT_KEPT_MAX) } : {}),
        ...defined({ retryAfterMs }),
      };
    } catch (error) {
      return {
        kind: 'failed',
        why: error instanceof DOMException && error.name === 'TimeoutError' ? 'timeout' : 'network',
      };
    }
  };
}

const byteLength = (text: string): number => new TextEncoder().encode(text).byteLength;

/** In characters, of a body that is not JSON. */
const TEXT_KEPT_MAX = 50_000;

/** In characters: below this, compression could save at most a packet. */
const COMPRESSED_FROM = 2_000;

/** Whether this body travels compressed if requested. */
export const isPacked = (body: string | undefined): body is string =>
  body !== undefined && body.length >= COMPRESSED_FROM;

async function gzip(text: string): Promise<ArrayBuffer | undefined> {
  if (typeof CompressionStream === 'undefined') return undefined;
  // Written chunk by chunk: a blob would be made in another process first.
  const { readable, writable } = new CompressionStream('gzip');
  const writer = writable.getWriter();
  const written = writer.write(new TextEncoder().encode(text)).then(() => writer.close());
  const [packed] = await Promise.all([new Response(readable).arrayBuffer(), written]);
  return packed;
}

/** Parses JSON, or the last complete line of newline-delimited JSON. */
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

/** Reads `Retry-After`, seconds or a date (RFC 9110, 10.2.3), in ms from now. */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
