import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Elements } from './edit.ts';
import { isScalars, type Json, type Scalar } from './json.ts';
import { isChanged, thenElements, withElements } from './elements.ts';

const { cases } = JSON.parse(
  readFileSync(new URL('contract/elements.json', import.meta.url), 'utf8'),
) as {
  cases: readonly (Elements & {
    name: string;
    list?: readonly Scalar[];
    result?: readonly Json[];
  })[];
};

describe('a list as a set, by the golden cases of both sides', () => {
  test.each(cases)('$name', ({ list, result, added, removed }) => {
    expect(withElements(list, { added, removed })).toEqual(result);
  });
});

const scalar = fc.constantFrom<Scalar>('a', 'b', 'c', 1, true, null);
const scalars = fc.array(scalar, { maxLength: 5 });
const change = fc.record({ added: scalars, removed: scalars });
const list = fc.option(scalars, { nil: undefined });

test('two changes folded into one do what both did, one after the other', () => {
  fc.assert(
    fc.property(list, change, change, (before, first, second) => {
      // An absent list to which something was added and removed again stays absent: nothing is left
      // to send.
      expect(withElements(before, thenElements(first, second)) ?? []).toEqual(
        withElements(withElements(before, first), second) ?? [],
      );
    }),
    { numRuns: 1_000 },
  );
});

test('a change that was made already changes nothing but the order', () => {
  const sorted = (value: Json | undefined): unknown =>
    value === undefined ? value : [...(value as readonly Scalar[])].map(String).toSorted();
  fc.assert(
    fc.property(list, change, (before, made) => {
      const after = withElements(before, made);
      expect(sorted(withElements(after, made))).toEqual(sorted(after));
      expect(isChanged(before, made)).toBe(JSON.stringify(before) !== JSON.stringify(after));
    }),
    { numRuns: 500 },
  );
});

test('additions of two devices are both there, in either order of arrival', () => {
  fc.assert(
    fc.property(list, scalars, scalars, (before, one, other) => {
      const add = (to: Json | undefined, added: readonly Scalar[]): Json | undefined =>
        withElements(to, { added, removed: [] });
      for (const after of [add(add(before, one), other), add(add(before, other), one)])
        expect(new Set((after ?? []) as Scalar[])).toEqual(
          new Set([...(before ?? []), ...one, ...other]),
        );
    }),
  );
});

test.each<[string, unknown]>([
  ['a text', 'text'],
  ['null', null],
  ['an object', { 0: 'a', length: 1 }],
  ['a list with a list in it', ['a', ['b']]],
  ['a list with an object in it', [{ a: 1 }]],
  // oxlint-disable-next-line no-sparse-arrays
  ['a list with an empty place', ['a', , 'b']],
  ['a list with NaN', [Number.NaN]],
  ['a list with undefined', [undefined]],
])('%s is no list of scalars: it stays, and the change is still to be made', (_name, value) => {
  expect(isScalars(value)).toBe(false);
  const made = { added: ['x'], removed: ['a'] };
  expect(withElements(value as Json, made)).toBe(value);
  expect(isChanged(value as Json, made)).toBe(true);
});
