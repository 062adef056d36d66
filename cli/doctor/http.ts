import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/** An answer of any server; `text` is decompressed as a browser would. */
export interface Answer {
  readonly kind: 'answer';
  readonly url: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Undefined unless the body parsed as JSON. */
  readonly json: unknown;
  /** How body and `Content-Encoding` contradict each other. */
  readonly garbled?: string;
  /** ms since 1970: the middle of the round trip, so that a slow network is no wrong clock. */
  readonly at: number;
}

/** No answer came. `code` is Node's, such as ECONNREFUSED. */
export interface NoAnswer {
  readonly kind: 'none';
  readonly url: string;
  readonly code: string;
  readonly words: string;
}
export type Reply = Answer | NoAnswer;

export interface Question {
  readonly method?: 'GET' | 'POST' | 'OPTIONS';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly patienceMs: number;
  readonly lookup?: LookupFunction;
}

const BODY_BYTES_MAX = 32 * 1_048_576;
/** As browsers send it: a proxy that compresses is to show itself. */
const ACCEPT_ENCODING = 'gzip, deflate, br';

/**
 * Sends a request the way a device's goes: no redirect is followed, nothing is cached, and no proxy
 * of this computer's environment is used. Never rejects.
 */
export async function ask(url: string, question: Question): Promise<Reply> {
  const began = Date.now();
  try {
    const message = await open(url, question);
    const bytes = await bodyOf(message);
    const { body, garbled } = decoded(bytes, encodingOf(message));
    const text = body.toString('utf8');
    return {
      kind: 'answer',
      url,
      status: message.statusCode ?? 0,
      headers: message.headers,
      text,
      json: parsed(text),
      ...(garbled === undefined ? {} : { garbled }),
      at: (began + Date.now()) / 2,
    };
  } catch (error) {
    return noAnswer(url, error);
  }
}

/** Sends a request and returns the answer's message with the body yet to come. */
export function open(url: string, question: Question): Promise<IncomingMessage> {
  const { method = 'GET', headers, body, patienceMs, lookup } = question;
  return new Promise((resolve, reject) => {
    const send = new URL(url).protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, {
      method,
      agent: false,
      headers: {
        accept: '*/*',
        'accept-encoding': ACCEPT_ENCODING,
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
      signal: AbortSignal.timeout(patienceMs),
      ...(lookup ? { lookup } : {}),
    });
    // An error after the answer's head is the reader's.
    request.once('response', resolve).on('error', reject);
    request.end(body);
  });
}

export const encodingOf = ({ headers }: Pick<IncomingMessage, 'headers'>): string =>
  (headers['content-encoding'] ?? 'identity').trim().toLowerCase();

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    size += part.byteLength;
    if (size > BODY_BYTES_MAX) throw new Error(`the answer has more than ${BODY_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

interface Decoded {
  readonly body: Buffer;
  readonly garbled?: string;
}

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gunzipSync(bytes, { maxOutputLength: BODY_BYTES_MAX }),
  'x-gzip': (bytes) => gunzipSync(bytes, { maxOutputLength: BODY_BYTES_MAX }),
  deflate: (bytes) => inflateSync(bytes, { maxOutputLength: BODY_BYTES_MAX }),
  br: (bytes) => brotliDecompressSync(bytes, { maxOutputLength: BODY_BYTES_MAX }),
};

function decoded(bytes: Buffer, encoding: string): Decoded {
  if (bytes.length === 0) return { body: bytes };
  const decode = DECODERS[encoding];
  if (!decode) {
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return isGzip
      ? { body: bytes, garbled: 'the body is gzip, and no header Content-Encoding says so' }
      : { body: bytes };
  }
  try {
    return { body: decode(bytes) };
  } catch {
    return { body: bytes, garbled: `Content-Encoding says ${encoding}, and the body is not` };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The reason why no answer came, in words. */
export function noAnswer(url: string, error: unknown): NoAnswer {
  const {
    code = '',
    message = String(error),
    name = '',
  } = Object(error) as Partial<NodeJS.ErrnoException>;
  const isLate = name === 'AbortError' || name === 'TimeoutError';
  return { kind: 'none', url, code, words: isLate ? 'no answer came in time' : message || code };
}

/** The media type of an answer, without parameters. */
export const typeOf = ({ headers }: Pick<Answer, 'headers'>): string =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** Whether a page for people answers. */
export const isPage = (answer: Answer): boolean =>
  typeOf(answer) === 'text/html' || /^\s*<(!doctype html|html)\b/i.test(answer.text);

export const isRedirect = ({ status }: Answer): boolean => status >= 300 && status < 400;

/** The address that a redirect leads to, for words: its origin and path, without a query. */
export function targetOf({ headers, url }: Answer): string {
  try {
    const { origin, pathname } = new URL(headers.location ?? '', url);
    return origin + pathname;
  } catch {
    return 'another address';
  }
}
