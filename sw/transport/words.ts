import * as v from 'valibot';
import type { HttpReply } from './http.ts';

/** In characters, of the words shown to a person. */
const WORDS_LENGTH_MAX = 300;
/**
 * In characters: the part of a page that is read for its words. A page's head is full of styles.
 */
const PAGE_READ_MAX = 50_000;

const Issues = v.pipe(
  v.array(v.object({ loc: v.array(v.union([v.string(), v.number()])), msg: v.string() })),
  v.minLength(1),
);
const Said = v.object({ message: v.string() });

/**
 * Returns the server's words as plain text: short, without HTML and without anything that looks
 * like a credential. Undefined where the reply has no words.
 */
export function wordsOf(reply: HttpReply): string | undefined {
  if (reply.kind === 'failed') return undefined;
  const { json, text } = reply;
  return json === undefined ? plain(text ?? '') : wordsIn(json);
}

/**
 * Returns the words in a refusal's `detail`: for a validation error the place and the message, not
 * the quoted input. An object of any other shape may quote SQL and conf, and gives no words.
 */
export function wordsOfDetail(detail: unknown): string | undefined {
  if (v.is(Issues, detail))
    return plain(detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; '));
  if (v.is(Said, detail)) return plain(detail.message);
  return typeof detail === 'string' ? plain(detail) : undefined;
}

/** "status 502: Bad Gateway" */
export function statusAndWords(reply: HttpReply): string | undefined {
  if (reply.kind === 'failed') return undefined;
  const words = wordsOf(reply);
  return `status ${reply.status}${words === undefined ? '' : `: ${words}`}`;
}

/** Whether the reply is a page for people, not an answer for programs. */
export const isPage = (reply: HttpReply): boolean =>
  reply.kind === 'http' && reply.text !== undefined && /^\s*</.test(reply.text);

/** Names under which proxies put their words. */
const NAMES = ['detail', 'message', 'error', 'error_description', 'title', 'reason'] as const;

function wordsIn(json: unknown): string | undefined {
  if (typeof json === 'string') return plain(json);
  if (typeof json !== 'object' || json === null) return undefined;
  for (const name of NAMES) {
    const words = wordsOfDetail(
      Object.hasOwn(json, name) ? (json as Readonly<Record<string, unknown>>)[name] : undefined,
    );
    if (words !== undefined) return words;
  }
  return undefined;
}

function plain(text: string): string | undefined {
  const read = text.slice(0, PAGE_READ_MAX);
  const words = tidy(/^\s*</.test(read) ? textOfPage(read) : read);
  return words === '' ? undefined : words;
}

/**
 * Returns the title and body of a page. A worker has no HTML parser. The result is shown as text,
 * so a mistake here shows odd words and does no other harm.
 */
function textOfPage(page: string): string {
  const title = tidy(/<title[^>]*>([^<]*)/i.exec(page)?.[1] ?? '');
  const body = tidy(
    page
      .replaceAll(/<!--.*?-->/gs, ' ')
      .replaceAll(/<(head|script|style|title|svg)\b.*?(<\/\1\s*>|$)/gis, ' ')
      .replaceAll(/<[^>]*>?/g, ' '),
  );
  return title === '' || body.startsWith(title) ? body : `${title}. ${body}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#39': "'",
  nbsp: ' ',
};

function tidy(text: string): string {
  const decoded = text.replaceAll(
    /&(#?\w+);/g,
    (entity, name: string) => ENTITIES[name.toLowerCase()] ?? entity,
  );
  const open = decoded
    .replaceAll(/\b(bearer|basic)\s+\S+/gi, '$1 …')
    .replaceAll(/\beyJ[\w-]*(\.[\w-]*)*/g, '…')
    .replaceAll(/\b(token|password|secret|_token|session|api[_-]?key)=[^\s&;"']+/gi, '$1=…');
  const words = open.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return words.length > WORDS_LENGTH_MAX
    ? `${words.slice(0, WORDS_LENGTH_MAX).trimEnd()} …`
    : words;
}
