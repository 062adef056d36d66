import { describe, expect, test } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import { UpdraftError } from '../../shared/errors.ts';
import { readQuery } from './read-query.ts';

const { asks } = readCollections({
  version: 1,
  collections: { asks: { schema: {}, indexes: ['site', 'day'] } },
});
if (!asks) throw new Error('The test declares no collection.');

/** The error's kind and words; `read` without an error. */
function refusal(asked: Record<string, unknown>): string {
  try {
    readQuery('asks', asks as NonNullable<typeof asks>, asked);
    return 'read';
  } catch (error) {
    if (error instanceof UpdraftError) return `${error.kind}: ${error.message}`;
    throw error;
  }
}

describe('case A15: a query that cannot be answered as meant is refused with advice', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['equality without an index', { equals: 'x' }, '"equals" needs an "index"'],
    ['a lower bound without an index', { from: 'a' }, '"from" needs an "index"'],
    ['an upper bound without an index', { to: 9 }, '"to" needs an "index"'],
    ['`missing` without an index', { missing: true }, '"missing" needs an "index"'],
    ['a slip', { index: 'site', equal: 'x' }, 'Did you mean "equals"?'],
    [
      'another library’s word',
      { filter: { site: 'x' } },
      'A query knows "index", "equals", "in", "prefix", "from", "to", "missing", "where", ' +
        '"order", "limit", "after".',
    ],
    [
      'another library’s word for the order',
      { index: 'site', orderBy: 'day' },
      'Did you mean "order"?',
    ],
    ['a word in capitals', { Limit: 3 }, 'Did you mean "limit"?'],
    ['one value and a bound', { index: 'site', equals: 'x', from: 'a' }, 'exclude each other'],
    [
      'one value and both bounds',
      { index: 'site', equals: 'x', from: 'a', to: 'b' },
      'exclude each other',
    ],
    ['a bound and the missing', { index: 'site', to: 'b', missing: true }, 'exclude each other'],
    [
      'one value and the missing',
      { index: 'site', equals: 'b', missing: true },
      'exclude each other',
    ],
    ['records without an id', { index: 'id', missing: true }, 'every record has an "id"'],
    ['null for a value', { index: 'site', equals: null }, '{ missing: true }'],
    ['a value that is undefined', { index: 'site', equals: undefined }, '"equals" is undefined'],
    ['a bound that is undefined', { index: 'site', from: undefined }, 'Leave the option out'],
    ['an index that is undefined', { index: undefined }, '"index" is undefined'],
    ['a list', { index: 'site', equals: ['x'] }, 'is a list'],
    ['a bound that is an object', { index: 'site', from: {} }, 'is of type object'],
    ['no number', { index: 'site', from: Number.NaN }, 'finite number'],
    ['a number without an end', { index: 'site', to: Number.POSITIVE_INFINITY }, 'finite number'],
    ['a bigint', { index: 'site', equals: 1n }, 'of type bigint'],
    ['`missing` that is false', { index: 'site', missing: false }, 'must be true'],
    ['an order that is none', { index: 'site', order: 'desc' }, '"ascending" or "descending"'],
    ['values without an index', { in: [1] }, '"in" needs an "index"'],
    ['a prefix without an index', { prefix: 'a' }, '"prefix" needs an "index"'],
    ['a prefix and a bound', { index: 'site', prefix: 'a', from: 'b' }, 'exclude each other'],
    ['values and one value', { index: 'site', in: ['a'], equals: 'a' }, 'exclude each other'],
    ['one value in place of values', { index: 'site', in: 'a' }, '"in" is of type string'],
    ['values of which one is null', { index: 'site', in: ['a', null] }, '"in" is a list; it must'],
    ['values of which one is no number', { index: 'site', in: [Number.NaN] }, 'finite number'],
    ['101 values', { index: 'site', in: Array(101).fill('x') }, '100 at most'],
    ['a prefix that is no text', { index: 'site', prefix: 5 }, '"prefix" is of type number'],
    ['fields as a text', { where: 'site' }, '"where" is of type string'],
    ['a field that is a list', { where: { site: ['x'] } }, 'must be an object of fields'],
    ['a field that is undefined', { where: { site: undefined } }, 'must be an object of fields'],
    ['an id for a row', { after: 'x' }, '"after" is of type string; it must be a row'],
    ['a row without a value', { after: { id: 'x' } }, 'it must be a row'],
    ['a row of another query', { index: 'site', after: { id: 'x', value: {} } }, 'has no "site"'],
    ['a limit of none', { limit: 0 }, 'a whole number from 1'],
    ['a limit that is no number', { limit: '5' }, 'a whole number from 1'],
    ['half a limit', { limit: 1.5 }, 'a whole number from 1'],
    [
      '`__proto__` as an option',
      JSON.parse('{"__proto__": 1}') as Record<string, unknown>,
      'no option "__proto__"',
    ],
  ])('%s', (_name, asked, words) => {
    expect(refusal(asked)).toContain('bad-query: ');
    expect(refusal(asked)).toContain(words);
  });

  test('an index that is not declared, with those that are', () => {
    expect(refusal({ index: 'sites' })).toMatch(
      /^unknown-index: .*Did you mean "site"\? .*"id", "site", "day"/,
    );
    expect(refusal({ index: 'constructor' })).toContain('unknown-index');
  });

  test('messages hold no value of a record, because messages may be logged', () => {
    for (const asked of [
      { equals: 'secret' },
      { index: 'site', equals: ['secret'] },
      { index: 'site', equals: 'secret', from: 'secret' },
    ])
      expect(refusal(asked)).not.toContain('secret');
  });
});

test.each<[string, Record<string, unknown>]>([
  ['nothing', {}],
  ['an index', { index: 'site' }],
  ['one value', { index: 'day', equals: false }],
  ['both bounds, the wrong way round: nothing is found', { index: 'day', from: 9, to: 1 }],
  ['bounds of the id', { index: 'id', from: 'a', to: 'b' }],
  [
    'an order and a limit that are left open',
    { index: 'site', order: undefined, limit: undefined },
  ],
  ['the missing, last first', { index: 'day', missing: true, order: 'descending', limit: 7 }],
])('a query that makes sense is read: %s', (_name, asked) => {
  expect(refusal(asked)).toBe('read');
});
