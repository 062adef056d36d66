import { expect, test } from 'vitest';
import { plantedBugs, problemWith } from './planted-bugs.mjs';

const planted = /** @type {const} */ ({
  bug: 'b',
  runner: 'vitest',
  testFile: 'f',
  testName: 'a name',
});
/**
 * @param {{ ran: number, failed: number }} clean
 * @param {{ ran: number, failed: number }} broken
 */
const verdict = (clean, broken) =>
  problemWith(planted, async (_, withBug) => ({ ...(withBug ? broken : clean), output: '' }));

test('a planted bug is caught when its test is green without it and red with it', async () => {
  expect(await verdict({ ran: 1, failed: 0 }, { ran: 1, failed: 1 })).toBeUndefined();
});

test('a renamed test is noticed: a test that did not run proves nothing', async () => {
  expect(await verdict({ ran: 0, failed: 0 }, { ran: 0, failed: 0 })).toMatch(/did not run/);
  expect(await verdict({ ran: 1, failed: 0 }, { ran: 0, failed: 0 })).toMatch(/did not run/);
});

test('a test that is always green, or always red, is noticed', async () => {
  expect(await verdict({ ran: 1, failed: 0 }, { ran: 1, failed: 0 })).toMatch(/stays green/);
  expect(await verdict({ ran: 1, failed: 1 }, { ran: 1, failed: 1 })).toMatch(
    /even without the bug/,
  );
});

test('the table names each bug once', () => {
  expect(new Set(plantedBugs.map(({ bug }) => bug)).size).toBe(plantedBugs.length);
});
