import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { measure, POLICIES, type Pair } from './two-people.measure.ts';
import { FORMS, PAIRS } from './two-people-pairs.measure.ts';
import { wordsFor } from './two-people-words.measure.ts';

const PAGE = new URL('../docs/two-people.md', import.meta.url);
const HOW_TO_WRITE =
  'The engine does something else than docs/two-people.md says. Where that is meant, write the ' +
  'page anew: UPDRAFT_WRITE_DOCS=1 npx vitest run --project unit testing/two-people.test.ts';

const tableOf = (...rows: readonly (readonly string[])[]): string =>
  rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');

type Rows = readonly (readonly string[])[];

async function rowsOf(
  pairs: readonly Pair[],
  given?: Parameters<typeof measure>[1],
): Promise<Rows> {
  const observed = await measure(pairs, given);
  return pairs.map(({ mine, theirs }, at) => [
    mine,
    theirs,
    ...POLICIES.map((policy) => {
      const found = observed[at]?.[policy];
      return found ? wordsFor(found) : '';
    }),
  ]);
}

function pairsTable(rows: Rows): string {
  const head = ['I', 'they, meanwhile', ...POLICIES.map((policy) => `\`${policy}\``)];
  return tableOf(
    head,
    head.map(() => '---'),
    ...rows,
  );
}

/** Forms under the policy `ask`, saved in each way. */
async function formsTable(): Promise<string> {
  const all = await rowsOf(
    FORMS.flatMap(([, pairs]) => pairs),
    { isHere: true, policies: { ask: 'ask' } },
  );
  const [, first = []] = FORMS[0] ?? [];
  const rows = first.map(({ mine, theirs }, at) => [
    mine,
    theirs,
    ...FORMS.map((_, way) => all[way * first.length + at]?.[2] ?? ''),
  ]);
  const head = ['I save the form', 'they, while it was open', ...FORMS.map(([way]) => way)];
  return tableOf(
    head,
    head.map(() => '---'),
    ...rows,
  );
}

/** The page with this table in the place of its own. */
function withTable(text: string, name: string, table: string): string {
  const place = new RegExp(`(<!-- measured: ${name} -->\n\n)(?:\\|.*\n)*`);
  expect(text, `the page has a place for ${name}`).toMatch(place);
  return text.replace(place, (_, mark: string) => mark + table);
}

/** Measured once, by the first test that needs it. */
const once = <T>(measured: () => Promise<T>): (() => Promise<T>) => {
  let result: Promise<T> | undefined;
  return () => (result ??= measured());
};
const pairs = once(() => rowsOf(PAIRS));

/** Compares a table of the page, or writes it anew. */
function compare(name: string, table: string): void {
  const before = readFileSync(PAGE, 'utf8');
  const now = withTable(before, name, table);
  if (process.env['UPDRAFT_WRITE_DOCS']) return writeFileSync(PAGE, now);
  expect(before, HOW_TO_WRITE).toBe(now);
}

test('docs/two-people.md shows what the engine does when two people edit', async () => {
  compare('pairs', pairsTable(await pairs()));
});

test('docs/two-people.md shows what becomes of a form that was open meanwhile', async () => {
  compare('forms', await formsTable());
});

test('a DAG’s change comes to the same as another device’s', async () => {
  const asked = (await pairs()).map(([mine, theirs, ask]) => [mine, theirs, ask, '', '']);
  expect(await rowsOf(PAIRS, { by: 'dag', policies: { ask: 'ask' } })).toEqual(asked);
});

test('another word on the page is found, and so is another policy of the engine', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const changed = page.replace('| merged |', '| mine wins |');
  expect(changed).not.toBe(page);
  expect(withTable(changed, 'pairs', pairsTable(await pairs()))).toBe(page);
  const same = PAIRS.findIndex(({ theirs }) => theirs === 'set it to something else');
  const other = { policies: { ask: 'client-wins' as const } };
  const [row] = await rowsOf(PAIRS.slice(same, same + 1), other);
  expect([row?.[2], (await pairs())[same]?.[2]]).toEqual([
    'mine wins',
    'a person is asked about `status` (`edited`)',
  ]);
});

test('an outcome that has no words is an error, and no row of the table', () => {
  const [base, mine, theirs] = [{ a: 1 }, { a: 2 }, { a: 3 }];
  const lost = { base, mine, theirs, after: { a: 9 }, isDropped: false };
  expect(() => wordsFor(lost)).toThrow(/a is 9/);
  expect(() => wordsFor({ ...lost, after: null })).toThrow(/No words/);
  expect(() => wordsFor({ ...lost, mine: { a: 1, b: 2 }, after: { a: 3 } })).toThrow(/b is/);
  expect(wordsFor({ ...lost, mine: base, theirs: { a: 1, b: 2 }, after: base })).toBe(
    'theirs is undone unseen (`b`)',
  );
});
