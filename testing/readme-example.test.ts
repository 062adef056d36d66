import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import collections from '../demo/collections.json' with { type: 'json' };
import { testUpdraft } from './index.ts';

/** Code blocks of a page that use the test kit. */
const examplesOf = (page: string): string[] =>
  [
    ...readFileSync(new URL(`../${page}`, import.meta.url), 'utf8').matchAll(
      /```js\n([\s\S]*?)```/g,
    ),
  ].flatMap(([, code = '']) => (code.includes('airflow-updraft/testing') ? [code] : []));

const examples = ['README.md', 'docs/testing.md'].flatMap((page) =>
  examplesOf(page).map((code) => ({ page, code })),
);

test('README.md and docs/testing.md show a test each', () => {
  expect(examples.map(({ page }) => page)).toEqual(['README.md', 'docs/testing.md']);
});

test.each(examples)('the test that $page shows passes as it stands', async ({ code }) => {
  const bodies: (() => Promise<void>)[] = [];
  const { assert } = await import('vitest');
  const body = code.replaceAll(/^import .*$/gm, '');
  const given = {
    collections,
    testUpdraft,
    expect,
    assert,
    test: (_name: string, run: () => Promise<void>) => bodies.push(run),
  };
  // The block is JavaScript without its imports, whose names are handed in.
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
  new Function(...Object.keys(given), body)(...Object.values(given));
  expect(bodies).toHaveLength(1);
  for (const run of bodies) await run();
});
