import { expect, test } from 'vitest';
import { defined } from './defined.ts';

test('only undefined is left out: false, 0, null and an empty text are values', () => {
  const values = { a: undefined, b: false, c: 0, d: null, e: '' };
  expect(Object.entries(defined(values))).toEqual([
    ['b', false],
    ['c', 0],
    ['d', null],
    ['e', ''],
  ]);
});
