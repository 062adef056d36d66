import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { Store } from './store.ts';

/**
 * Passwords of the test users are their names, which are everywhere: the search looks for the
 * fields that carry a password.
 */
const PASSWORD_FIELDS = ['"password":"', 'password='];
/**
 * Length of a token's searched end: the signature is like no other text, so that no compression of
 * repeated text can hide the signature.
 */
const SIGNATURE_CHARS = 40;

const needlesOf = (tokens: Iterable<string>): string[] => [
  ...[...tokens].map((token) => token.slice(-SIGNATURE_CHARS)),
  ...PASSWORD_FIELDS,
];

/** Returns the tokens of a request, from the header or Airflow's cookie. */
export function tokensOf({ authorization = '', cookie = '' }: IncomingHttpHeaders): string[] {
  const found = [
    /^Bearer (.+)$/i.exec(authorization)?.[1],
    /(?:^|;\s*)_token=([^;]+)/.exec(cookie)?.[1],
  ];
  return found.filter((token) => token !== undefined && token.length > SIGNATURE_CHARS) as string[];
}

/**
 * Returns every file of a browser profile (IndexedDB's and Workbox's LevelDB, caches, local
 * storage, …) that holds a token of these, or a password.
 */
export async function filesWithSecrets(
  profile: string,
  tokens: Iterable<string>,
): Promise<string[]> {
  // Browsers store text with a byte per character or with two.
  const needles = needlesOf(tokens).flatMap((needle) => [
    Buffer.from(needle, 'latin1'),
    Buffer.from(needle, 'utf16le'),
  ]);
  const entries = await readdir(profile, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((one: Dirent) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    if (needles.some((needle) => bytes.includes(needle)))
      found.push(path.slice(profile.length + 1));
  }
  return found;
}

/** Returns the tables of the server's store that hold a token of these, or a password. */
export async function tablesWithSecrets(store: Store, tokens: Iterable<string>): Promise<string[]> {
  const patterns = needlesOf(tokens).map((needle) => `%${needle.replace(/[\\%_]/g, '\\$&')}%`);
  const tables = await store.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const [row] = await store.query<{ has: boolean }>(
      `SELECT EXISTS (SELECT FROM "${name}" AS r WHERE r::text LIKE ANY (%s)) AS has`,
      [patterns],
    );
    if (row?.has) found.push(name);
  }
  return found;
}
