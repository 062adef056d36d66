import type { Authorization, Http } from './http.ts';
import { EXCHANGE_DAG } from './batch-target.ts';
import { bodyOf, classify, type Classified } from './classify.ts';

const REQUEST_TIMEOUT_MS = 20_000;
const CONTEXT = 'updraft answer 1';
/** The signature is the last key of the answer's text, and signs the text without that key. */
const SIGNATURE = /,"signature":"([A-Za-z0-9+/]{86}==)"\}$/;

/**
 * How answers are signed, according to the DAG's description, which only the DAG's own file can
 * write.
 */
export type Signing =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'nobody-yet' }
  | { readonly kind: 'key'; readonly text: string; readonly key: CryptoKey };

/** Reads the key from the DAG. An XCom is no source for a key: other users may write XComs. */
export async function readSigning(
  http: Http,
  authorization: Authorization,
): Promise<Signing | Classified> {
  const reply = await http(
    { method: 'GET', path: `/api/v2/dags/${EXCHANGE_DAG}/details`, timeoutMs: REQUEST_TIMEOUT_MS },
    authorization,
  );
  const is = classify('key', reply);
  if (is.kind !== 'ok') return is;
  const [, text] = /updraft-key: ([\w+/=-]+)/.exec(bodyOf('key', reply).doc_md ?? '') ?? [];
  // A provider from before signatures does not mention a key; a newer provider without a key says
  // so.
  if (text === undefined) return { kind: 'nobody' };
  const key = await importKey(text);
  return key ? { kind: 'key', text, key } : { kind: 'nobody-yet' };
}

/**
 * Whether the answer's exact text was signed for this run and this user. An answer copied from
 * another run, or another user's, fails the check.
 */
export async function isSigned(
  answer: string,
  { key }: Extract<Signing, { kind: 'key' }>,
  run: string,
  user: string,
): Promise<boolean> {
  if (__UPDRAFT_PLANTED_BUG__ === 'unsigned-answers') return true;
  const found = SIGNATURE.exec(answer);
  if (!found?.[1]) return false;
  const signed = new TextEncoder().encode(
    [CONTEXT, run, user, `${answer.slice(0, found.index)}}`].join('\n'),
  );
  return await crypto.subtle.verify(
    { name: 'ECDSA', hash: 'SHA-256' },
    key,
    bytesOf(found[1]),
    signed,
  );
}

async function importKey(text: string): Promise<CryptoKey | undefined> {
  try {
    return await crypto.subtle.importKey(
      'raw',
      bytesOf(text),
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['verify'],
    );
  } catch {
    return undefined;
  }
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
