// The measures of the house find what they are for: each breach, planted in a small tree, shows.
import { expect, test } from 'vitest';
import { measureDecisions } from './lib/house/decisions.mjs';
import { measureImports } from './lib/house/imports.mjs';
import { measureSizes } from './lib/house/sizes.mjs';
import { readTree, treeOf } from './lib/house/tree.mjs';
import { measureWords } from './lib/house/words.mjs';

const CIRCLES = 'files in a circle of imports (types counted)';
const RINGS = 'rooms that import each other’s values in a ring';
const BEGINNINGS = 'comments that begin with a pronoun or a relative, %';
const COLUMNS = 'lines of more than 100 columns';
const FUNCTIONS = 'functions of more than 70 lines';
const DECISIONS = 'longest ADR body, words';

/**
 * @typedef {(tree: import('./lib/house/tree.mjs').Tree) => import('./lib/house/tree.mjs').Row[]}
 *   Measure
 */

/**
 * The row of this name.
 * @param {Measure} measure
 * @param {Record<string, string>} files
 * @param {string} name
 */
const rowOf = (measure, files, name) =>
  measure(treeOf(Object.entries(files).map(([path, text]) => ({ path, text })))).find(
    (row) => row.name === name,
  );

const RING = {
  'sw/a/one.ts': "import { two } from '../b/two.ts';\nexport const one = () => two;\n",
  'sw/b/two.ts': "import { three } from '../c/three.ts';\nexport const two = three;\n",
  'sw/c/three.ts': 'export const three = 3;\n',
  'sw/c/four.ts': "import { one } from '../a/one.ts';\nexport const four = one;\n",
};

test('a ring of three rooms is found, though no file is in a circle', () => {
  const ring = rowOf(measureImports, RING, RINGS);
  expect(ring).toMatchObject({ isMet: false, examples: ['sw/a', 'sw/b', 'sw/c'] });
  expect(rowOf(measureImports, RING, CIRCLES)).toMatchObject({ isMet: true });
});

test('a ring is found through an import that is made late, or passed on', () => {
  const late = { ...RING, 'sw/c/four.ts': "export const four = () => import('../a/one.ts');\n" };
  expect(rowOf(measureImports, late, RINGS)).toMatchObject({ isMet: false });
  const passedOn = { ...RING, 'sw/c/four.ts': "export { one } from '../a/one.ts';\n" };
  expect(rowOf(measureImports, passedOn, RINGS)).toMatchObject({ isMet: false });
});

test('types alone make no ring of rooms, and the folder around rooms is no room', () => {
  const types = {
    ...RING,
    'sw/c/four.ts': "import type { one } from '../a/one.ts';\nexport type Four = typeof one;\n",
  };
  expect(rowOf(measureImports, types, RINGS)).toMatchObject({ isMet: true });
  const around = {
    'sw/all.ts': "import { one } from './a/one.ts';\nexport const all = one;\n",
    'sw/world.ts': 'export const world = 1;\n',
    'sw/a/one.ts': "import { world } from '../world.ts';\nexport const one = world;\n",
  };
  expect(rowOf(measureImports, around, RINGS)).toMatchObject({ isMet: true });
});

test('a circle of files is found, also of types alone', () => {
  const circle = {
    'shared/a.ts': "import type { B } from './b.ts';\nexport type A = B | 1;\n",
    'shared/b.ts': "import type { A } from './a.ts';\nexport type B = A | 2;\n",
  };
  expect(rowOf(measureImports, circle, CIRCLES)).toMatchObject({
    isMet: false,
    examples: ['shared/a.ts', 'shared/b.ts'],
  });
});

test('circles and rings of the provider are found, late imports included', () => {
  const files = {
    'provider/airflow_updraft/store/db.py':
      'from airflow_updraft.sync import run\n\nDB = run.RUN\n',
    'provider/airflow_updraft/sync/__init__.py': '',
    'provider/airflow_updraft/sync/run.py':
      'def go():\n    from airflow_updraft.store.db import (\n        DB,\n    )\n    return DB\n',
  };
  expect(rowOf(measureImports, files, CIRCLES)).toMatchObject({
    examples: ['provider/airflow_updraft/store/db.py', 'provider/airflow_updraft/sync/run.py'],
  });
  expect(rowOf(measureImports, files, RINGS)).toMatchObject({ isMet: false });
  const run = 'provider/airflow_updraft/sync/run.py';
  const types =
    'if TYPE_CHECKING:\n    import x\n\n    from airflow_updraft.store.db import DB\nRUN = 1\n';
  expect(rowOf(measureImports, { ...files, [run]: types }, RINGS)).toMatchObject({ isMet: true });
});

test.each([
  ['a test', 'client/a.test.ts', '/** It says so. */\n'],
  ['the demo', 'demo/src/parts/a.tsx', '// What it is.\n'],
  ['a script', 'scripts/a.mjs', '/** The same again. */\n'],
  ['an end-to-end test', 'e2e/a.spec.ts', '// Where it is.\n'],
  ['the provider', 'provider/airflow_updraft/a.py', 'def a():\n    """They are."""\n'],
  ['a test of the provider', 'provider/tests/test_a.py', '# One of many.\nA = 1\n'],
])('a comment without its subject is found in %s', (_, path, text) => {
  expect(rowOf(measureWords, { [path]: text }, BEGINNINGS)).toMatchObject({ value: 100 });
});

test('a comment may begin with a word that only begins like a pronoun', () => {
  const text = '// Items.\nexport const a = 1;\n// One-off.\nexport const b = 2;\n';
  expect(rowOf(measureWords, { 'sw/a.ts': text }, BEGINNINGS)).toMatchObject({ value: 0 });
});

test('a wide line is found in every folder, and a path or an address may be wide', () => {
  const wide = `// ${'word '.repeat(25)}`;
  const files = Object.fromEntries(
    ['sw/a.ts', 'demo/src/a.tsx', 'e2e/a.spec.ts', 'provider/tests/test_a.py'].map((path) => [
      path,
      `${path.endsWith('.py') ? wide.replace('//', '#') : wide}\n`,
    ]),
  );
  expect(rowOf(measureSizes, files, COLUMNS)).toMatchObject({ value: 4 });
  const address = { 'sw/a.ts': `// https://example.org/${'a'.repeat(100)}\n` };
  expect(rowOf(measureSizes, address, COLUMNS)).toMatchObject({ value: 0 });
});

test('a long function is found', () => {
  const text = `export function a() {\n${'  b();\n'.repeat(70)}}\n`;
  expect(rowOf(measureSizes, { 'sw/a.ts': text }, FUNCTIONS)).toMatchObject({ value: 1 });
});

test('a file that a program wrote is left out', () => {
  const text = '/**\n * This file was auto-generated by a tool.\n */\n// What it is.\n';
  expect(rowOf(measureWords, { 'sw/a.ts': text }, BEGINNINGS)).toMatchObject({ value: 0 });
});

const words = (/** @type {number} */ count) => 'word '.repeat(count);

test('a long decision is found, and its measurements may be long', () => {
  const path = 'docs/adr/0099-a-decision.md';
  const body = `# 99. A title\n\n${words(276)}\n`;
  const fits = `${body}\n## Measurements\n\n${words(400)}\n`;
  expect(rowOf(measureDecisions, { [path]: fits }, DECISIONS)).toMatchObject({
    value: 280,
    isMet: true,
  });
  expect(rowOf(measureDecisions, { [path]: `one ${fits}` }, DECISIONS)).toMatchObject({
    value: 281,
    isMet: false,
    examples: [`${path} has 281 words outside its measurements`],
  });
});

test.each([
  ['under another heading', `## Appendix: in detail\n\n${words(300)}\n`],
  ['after the measurements', `## Measurements\n\n1 ms\n\n## In detail\n\n${words(300)}\n`],
])('words of a decision %s count', (_, text) => {
  const file = { 'docs/adr/0099-a-decision.md': text };
  expect(rowOf(measureDecisions, file, DECISIONS)).toMatchObject({ isMet: false });
});

test('every folder of sources is read, and every decision', () => {
  const { typescript, python, decisions } = readTree();
  expect(decisions.length).toBeGreaterThan(40);
  const folders = new Set([...typescript, ...python].map(({ path }) => path.split('/')[0]));
  for (const folder of ['sw', 'client', 'shared', 'demo', 'e2e', 'bench', 'scripts', 'provider'])
    expect(folders).toContain(folder);
});
