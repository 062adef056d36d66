// docs/errors.md has an entry for each kind of error in the sources, and for no other.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SECTIONS } from './lib/docs/error-kinds.mjs';
import { root } from './lib/paths.mjs';

const ENTRY_LINES_MAX = 3;

/** @type {import('./lib/docs/error-kinds.mjs').Sources} */
const sources = {
  list: (folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
      .filter((path) => /\.(ts|py)$/.test(path)),
  read: (path) => readFileSync(join(root, path), 'utf8'),
};
const page = sources.read('docs/errors.md');

/** The sources with other words in a file. */
/** @param {string} file @param {string} from @param {string} to */
const changed = (file, from, to) => ({
  ...sources,
  read: (/** @type {string} */ path) => {
    const text = sources.read(path);
    if (path !== file) return text;
    expect(text, `${file} holds the words`).toContain(from);
    return text.replace(from, to);
  },
});

/** The entries of each section, by its heading. @param {string} text */
function entriesOf(text) {
  const sections = text.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => [
      section.slice(0, section.indexOf('\n')),
      [...section.matchAll(/^- \*\*`([\w-]+)`\*\*( \([\d, ]+\))?:/gm)].map(
        ([, kind = '', statuses = '']) => kind + statuses,
      ),
    ]),
  );
}

/** Where page and sources differ. @param {string} text */
function differences(text, given = sources) {
  const entries = entriesOf(text);
  return Object.entries(SECTIONS).flatMap(([section, read]) => {
    const [kinds, found] = [read(given), entries.get(section) ?? []];
    return [
      ...kinds.filter((kind) => !found.includes(kind)).map((kind) => `no entry for ${kind}`),
      ...found.filter((kind) => !kinds.includes(kind)).map((kind) => `no kind ${kind}`),
      ...found.filter((kind, at) => found.indexOf(kind) !== at).map((kind) => `twice: ${kind}`),
    ].map((what) => `${section}: ${what}`);
  });
}

test('docs/errors.md has an entry for each kind of error, and no other', () => {
  expect(differences(page)).toEqual([]);
});

test('each entry is of a section that is compared, and has three lines at most', () => {
  const compared = Object.keys(SECTIONS);
  expect(
    [...entriesOf(page)].filter(([name, all]) => all.length && !compared.includes(name)),
  ).toEqual([]);
  const long = [...page.matchAll(/^- (?:.+\n)(?: {2}.+\n?)*/gm)].filter(
    ([entry]) => entry.trim().split('\n').length > ENTRY_LINES_MAX,
  );
  expect(long.map(([entry]) => entry)).toEqual([]);
});

test('an entry that is left out, made up or repeated is found', () => {
  expect(differences(page.replace('- **`in-flight`**', '- in flight'))).toEqual([
    'What a call rejects with: no entry for in-flight',
  ]);
  expect(differences(page.replace('- **`csrf`** (403)', '- **`csrf`** (400)'))).toEqual([
    'HTTP answers of the plugin: no entry for csrf (403)',
    'HTTP answers of the plugin: no kind csrf (400)',
  ]);
  expect(differences(page.replace('- **`void`**', '- **`fork`**'))).toEqual([
    'Refused exchanges: no entry for void',
    'Refused exchanges: twice: fork',
  ]);
});

test.each([
  ['shared/errors.ts', "| 'storage';", "| 'storage'\n  | 'brand-new';", 'brand-new'],
  ['shared/calls.ts', "kind: 'damaged'", "kind: 'brand-new'", 'brand-new'],
  ['shared/calls.ts', "conflict: 'gone'", "conflict: 'brand-new'", 'brand-new'],
  ['shared/messages.ts', "'missing' | 'refused'", "'missing' | 'brand-new'", 'brand-new'],
  ['shared/exchange.ts', "'invalid', 'void'", "'invalid', 'brand_new'", 'brand_new'],
  ['sw/record/apply-verdict.ts', "kind: 'unreadable'", "kind: 'brand-new'", 'brand-new'],
  [
    'sw/transport/classify.ts',
    "? 'too_large' : 'malformed'",
    "? 'brand_new' : 'malformed'",
    'brand_new',
  ],
  ['provider/airflow_updraft/exchange/apply.py', '"not_writable"', '"brand_new"', 'brand_new'],
  ['provider/airflow_updraft/plugin/body.py', '408, "slow"', '409, "slow"', 'slow (409)'],
  ['provider/airflow_updraft/errors.py', '"older_store"', '"brand_new"', 'brand_new (503)'],
  ['shared/status.ts', 'readonly restored:', 'readonly brandNew:', 'brandNew'],
])('a new kind in %s is missed on the page', (file, from, to, kind) => {
  expect(differences(page, changed(file, from, to)).join('\n')).toContain(`no entry for ${kind}`);
});

test('a kind that is no text in its place stops the comparison', () => {
  const file = 'provider/airflow_updraft/exchange/apply.py';
  expect(() => differences(page, changed(file, '"not_writable"', 'NOT_WRITABLE'))).toThrow(
    /gives no kind that can be read/,
  );
});
