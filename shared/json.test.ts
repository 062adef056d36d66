import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Json, jsonBytes, jsonEquals, whyNotHeld, whyNotJson } from './json.ts';

const json = fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<Json>;

/** Returns an equal value with every object's keys in the opposite order. */
function reordered(value: Json): Json {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reordered(item)]),
  );
}

/** Returns arrays nested so many levels deep. */
function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

test('a value equals itself however its keys are ordered, also after a way through text', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(jsonEquals(value, reordered(value))).toBe(true);
      expect(jsonEquals(value, JSON.parse(JSON.stringify(value)))).toBe(true);
    }),
  );
});

test('equality agrees with equal canonical text, in both directions', () => {
  const canonical = (value: Json): string =>
    JSON.stringify(value, (_key, item: unknown) =>
      typeof item === 'object' && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : item,
    );
  const small = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<Json>(0, 1, true, false, null, '', '0', '1', 'null'),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b', '0'), tie('value'), { maxKeys: 2 }),
    ),
  })).value;
  fc.assert(
    fc.property(small, small, (a, b) => {
      expect(jsonEquals(a, b)).toBe(canonical(a) === canonical(b));
      expect(jsonEquals(b, a)).toBe(jsonEquals(a, b));
    }),
  );
});

test.each<[string, Json | undefined, Json | undefined, boolean]>([
  ['1 is not true', 1, true, false],
  ['0 is not false', 0, false, false],
  ['1 is 1.0', 1, 1.0, true],
  ['-0 is 0: JSON has one zero', -0, 0, true],
  ['"1" is not 1', '1', 1, false],
  ['null is not absent', null, undefined, false],
  ['absent is absent', undefined, undefined, true],
  ['an empty list is no empty object', [], {}, false],
  ['order in a list counts', [1, 2], [2, 1], false],
  ['a key more on the left', { a: 1, b: 2 }, { a: 1 }, false],
  ['a key more on the right', { a: 1 }, { a: 1, b: 2 }, false],
  ['the same number of other keys', { a: 1 }, { b: 1 }, false],
  ['a key every object inherits is not a key of its own', { toString: 1 }, { valueOf: 1 }, false],
])('%s', (_name, a, b, expected) => {
  expect(jsonEquals(a, b)).toBe(expected);
});

test('any JSON text passes unchanged', () => {
  fc.assert(
    fc.property(json, (value) => {
      const reason = whyNotJson(value);
      const text = JSON.stringify(value);
      if (reason === undefined) expect(jsonEquals(value, JSON.parse(text))).toBe(true);
      else expect(text, reason).toMatch(/\\u0000|\\ud[89a-f]|__proto__|"":|\d{16}/i);
    }),
  );
});

const cyclic: unknown[] = [];
cyclic.push(cyclic);
test.each<[string, unknown, string]>([
  ['NaN', { n: Number.NaN }, 'n is NaN, which JSON cannot hold'],
  ['an infinite number', [1, Infinity], '1 is Infinity, which JSON cannot hold'],
  ['undefined inside', { a: { b: undefined } }, 'a.b is of type undefined, which JSON cannot hold'],
  // oxlint-disable-next-line no-sparse-arrays
  ['a hole in a list', { a: [, 1] }, 'a.0 is of type undefined, which JSON cannot hold'],
  ['a function', { f: () => 1 }, 'f is of type function, which JSON cannot hold'],
  ['a bigint', 1n, 'the value is of type bigint, which JSON cannot hold'],
  ['a date', { at: new Date(0) }, 'at is not a plain object'],
  ['a map', new Map(), 'the value is not a plain object'],
  ['bytes', { b: new Uint8Array(1) }, 'b is not a plain object'],
  ['U+0000 in a text', { a: 'x\u0000' }, 'a holds the character U+0000'],
  ['U+0000 in a key', { 'x\u0000': 1 }, 'a key of the value holds the character U+0000'],
  ['half a surrogate pair', { a: ['\ud800'] }, 'a.0 holds half of a surrogate pair'],
  [
    'half a surrogate pair in a key',
    { a: { '\udc00': 1 } },
    'a key of a holds half of a surrogate pair',
  ],
  ['a key __proto__', { a: JSON.parse('{"__proto__": {}}') as unknown }, 'a has a key "__proto__"'],
  [
    'something that contains itself',
    { cyclic },
    'is nested deeper than 32 levels (or contains itself)',
  ],
])('what JSON or PostgreSQL cannot hold is named: %s', (_name, value, reason) => {
  expect(whyNotJson(value)).toContain(reason);
});

test('an object without a prototype passes', () => {
  expect(whyNotJson(Object.assign(Object.create(null), { a: 1 }))).toBeUndefined();
});

test("nesting: the provider's deepest record is stored, a deeper record is not", () => {
  expect(whyNotJson({ id: 'x', f: nested(31) })).toBeUndefined();
  expect(whyNotJson({ id: 'x', f: nested(32) })).toContain('nested deeper');
});

test('bytes are those of UTF-8, not characters', () => {
  expect(jsonBytes('é€😀')).toBe(2 + 2 + 3 + 4);
});

test('case A13: a list with named properties is refused in writing, and read if stored', () => {
  const found = 'a b'.match(/b/);
  expect(whyNotJson({ found })).toContain('found is a list with names beside its items');
  expect(whyNotJson({ deep: [{ found: Object.assign([1], { extra: 'lost' }) }] })).toContain(
    'deep.0.found is a list with names',
  );
  expect(whyNotHeld({ found: Object.assign([1], { extra: 'old' }) })).toBeUndefined();
});
