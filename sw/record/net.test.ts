import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Doc, Json, Scalar } from '../../shared/json.ts';
import {
  applyNet,
  compose,
  DELETE,
  diff,
  dropEqual,
  fieldsTwice,
  netFields,
  restrict,
  without,
  type Edit,
  type Net,
} from './net.ts';

const FIELDS = ['a', 'b', 'n', 't'];
const field = fc.constantFrom(...FIELDS);
const scalars = fc.array(fc.constantFrom<Scalar>('x', 'y', 1, true), { maxLength: 3 });
const json: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(0, 1, true, '', 'x', null),
  fc.constant<Json>([1, { y: 2 }]),
  scalars,
);
const fields = fc.dictionary(field, json, { maxKeys: 3 });
const doc = fields.map((of): Doc => ({ ...of, id: 'x' }));
const base = fc.option(doc);
/** No capture adds elements to a field beside an unsent increment of it (`fieldsTwice`). */
const inc = fc.dictionary(fc.constantFrom('a', 'b', 'n'), fc.integer({ min: -3, max: 3 }), {
  maxKeys: 2,
});
const elements = fc.dictionary(fc.constant('t'), fc.record({ added: scalars, removed: scalars }), {
  maxKeys: 1,
});

/** An edit as captures make them: each field is in one part. */
const edit: fc.Arbitrary<Edit> = fc
  .tuple(fields, fc.subarray(FIELDS), inc, elements)
  .map(([set, removed, incs, lists]) => {
    const gone = removed.filter((name) => !Object.hasOwn(set, name));
    const free = <T>(part: Readonly<Record<string, T>>): Record<string, T> =>
      Object.fromEntries(
        Object.entries(part).filter(([name]) => !Object.hasOwn(set, name) && !gone.includes(name)),
      );
    const left = free(lists);
    return {
      kind: 'edit',
      set,
      removed: gone,
      inc: free(incs),
      ...(Object.keys(left).length > 0 ? { elements: left } : {}),
    };
  });
const net: fc.Arbitrary<Net> = fc.oneof(
  { weight: 4, arbitrary: edit },
  { weight: 1, arbitrary: fc.constant(DELETE) },
);
/** An edit of a record that is not there has nothing to remove. */
const on = (under: Doc | null, change: Net): Net =>
  under === null && change.kind === 'edit' ? { ...change, removed: [] } : change;
const edits = (part: Partial<Edit>): Edit => ({
  kind: 'edit',
  set: {},
  removed: [],
  inc: {},
  ...part,
});

/**
 * The document, with an empty list as an absent one: what was added to an absent list and removed
 * again leaves nothing to send.
 */
function seen(doc: Doc | null): unknown {
  if (!doc || JSON.stringify(doc['t']) !== '[]') return doc;
  const { t: _, ...rest } = doc;
  return rest;
}

test('two captures folded into one do what both did, one after the other', () => {
  fc.assert(
    fc.property(base, net, net, (under, first, second) => {
      const earlier = on(under, first);
      const between = applyNet(under, earlier, 'x');
      const later = on(between, second);
      expect(seen(applyNet(under, compose(earlier, later, under), 'x'))).toEqual(
        seen(applyNet(between, later, 'x')),
      );
    }),
    { numRuns: 300 },
  );
});

test('folding any number of captures, one by one, does what they did', () => {
  fc.assert(
    fc.property(base, fc.array(net, { maxLength: 6 }), (under, changes) => {
      let view = under;
      let folded: Net | undefined;
      for (const each of changes) {
        const change = on(view, each);
        folded = compose(folded, change, under);
        view = applyNet(view, change, 'x');
      }
      expect(seen(applyNet(under, folded, 'x'))).toEqual(seen(view));
    }),
    { numRuns: 300 },
  );
});

test('a field is never in two lists of a folded edit', () => {
  fc.assert(
    fc.property(base, net, net, (under, first, second) => {
      const earlier = on(under, first);
      const folded = compose(earlier, on(applyNet(under, earlier, 'x'), second), under);
      if (folded) expect(new Set(netFields(folded)).size).toBe(netFields(folded).length);
    }),
  );
});

test('the edit between two documents makes the second and names only differences', () => {
  fc.assert(
    fc.property(base, doc, (before, after) => {
      expect(applyNet(before, diff(before, after), 'x')).toEqual(after);
      expect(netFields(diff(after, after))).toEqual([]);
      expect(netFields(diff(before, after))).not.toContain('id');
    }),
  );
});

test('leaving out what the base already says never changes the result', () => {
  fc.assert(
    fc.property(base, net, (under, change) => {
      // Captures keep no increment by 0: it would make an absent field 0.
      const made =
        change.kind === 'edit'
          ? {
              ...change,
              inc: Object.fromEntries(Object.entries(change.inc).filter(([, by]) => by !== 0)),
            }
          : change;
      expect(applyNet(under, dropEqual(made, under), 'x')).toEqual(applyNet(under, made, 'x'));
    }),
    { numRuns: 300 },
  );
});

test('what stays after leaving out the equal is left out again: nothing, and still nothing', () => {
  fc.assert(
    fc.property(base, net, (under, change) => {
      const once = dropEqual(change, under);
      expect(once && dropEqual(once, under)).toEqual(once);
      if (once && under !== null && once.kind === 'edit') expect(netFields(once)).not.toEqual([]);
    }),
  );
});

test('an edit splits into a part with some fields and one without them', () => {
  fc.assert(
    fc.property(edit, fc.subarray(FIELDS), (change, some) => {
      const [part, rest] = [restrict(change, some), without(change, some)];
      expect(
        [...(part ? netFields(part) : []), ...(rest ? netFields(rest) : [])].toSorted(),
      ).toEqual(netFields(change).toSorted());
      expect(part ? netFields(part).every((name) => some.includes(name)) : true).toBe(true);
    }),
  );
  expect(restrict(DELETE, ['a'])).toBe(DELETE);
  expect(restrict(edits({ set: { a: 1 } }), '*')).toEqual(edits({ set: { a: 1 } }));
});

describe('increments stay operations: as a set, another device’s increment would be lost', () => {
  test.each<[string, Net | undefined, Net, Doc | null, Net | undefined]>([
    [
      'two of them add up',
      edits({ inc: { n: 1 } }),
      edits({ inc: { n: 2 } }),
      { id: 'x', n: 5 },
      edits({ inc: { n: 3 } }),
    ],
    [
      'beside an edit of another field',
      edits({ set: { a: 1 } }),
      edits({ inc: { n: 2 } }),
      { id: 'x' },
      edits({ set: { a: 1 }, inc: { n: 2 } }),
    ],
    [
      'after a set they join the set',
      edits({ set: { n: 10 } }),
      edits({ inc: { n: 2 } }),
      { id: 'x', n: 5 },
      edits({ set: { n: 12 } }),
    ],
    [
      'a later set replaces them',
      edits({ inc: { n: 2 } }),
      edits({ set: { n: 10 } }),
      { id: 'x', n: 5 },
      edits({ set: { n: 10 } }),
    ],
    [
      'a later removal replaces them',
      edits({ inc: { n: 2 } }),
      edits({ removed: ['n'] }),
      { id: 'x', n: 5 },
      edits({ removed: ['n'] }),
    ],
    [
      'after a removal they start at 0',
      edits({ removed: ['n'] }),
      edits({ inc: { n: 2 } }),
      { id: 'x', n: 5 },
      edits({ set: { n: 2 } }),
    ],
    ['a delete ends them', edits({ inc: { n: 2 } }), DELETE, { id: 'x', n: 5 }, DELETE],
    [
      'after a delete they are part of the new record',
      DELETE,
      edits({ inc: { n: 2 } }),
      { id: 'x', n: 5, a: 1 },
      edits({ set: { n: 2 }, removed: ['a'] }),
    ],
  ])('%s', (_name, earlier, later, under, expected) => {
    expect(compose(earlier, later, under)).toEqual(expected);
  });

  test('on a field that is no number they do nothing here; the server rejects them', () => {
    expect(applyNet({ id: 'x', n: 'text' }, edits({ inc: { n: 1 } }), 'x')).toEqual({
      id: 'x',
      n: 'text',
    });
  });

  test('by 0 they are nothing to send', () => {
    expect(dropEqual(edits({ inc: { n: 0 } }), { id: 'x', n: 5 })).toBeUndefined();
  });
});

describe('elements stay operations: as a set, another device’s element would be lost', () => {
  const lists = (added: Scalar[], removed: Scalar[] = []): Partial<Edit> => ({
    elements: { t: { added, removed } },
  });
  test.each<[string, Net | undefined, Net, Doc | null, Net | undefined]>([
    [
      'two additions are one',
      edits(lists(['x'])),
      edits(lists(['y', 'x'])),
      { id: 'x', t: ['a'] },
      edits(lists(['x', 'y'])),
    ],
    [
      'what is added and removed again is only removed',
      edits(lists(['x'])),
      edits(lists([], ['x'])),
      { id: 'x', t: ['a'] },
      edits(lists([], ['x'])),
    ],
    [
      'what is removed and added again goes to the end',
      edits(lists([], ['a'])),
      edits(lists(['a'])),
      { id: 'x', t: ['a', 'b'] },
      edits(lists(['a'], ['a'])),
    ],
    [
      'after a set they join the set',
      edits({ set: { t: ['a'] } }),
      edits(lists(['b'], ['a'])),
      { id: 'x' },
      edits({ set: { t: ['b'] } }),
    ],
    [
      'a later set replaces them',
      edits(lists(['b'])),
      edits({ set: { t: ['c'] } }),
      { id: 'x', t: ['a'] },
      edits({ set: { t: ['c'] } }),
    ],
    [
      'a later removal of the field replaces them',
      edits(lists(['b'])),
      edits({ removed: ['t'] }),
      { id: 'x', t: ['a'] },
      edits({ removed: ['t'] }),
    ],
    [
      'after a removal of the field they begin with an empty list',
      edits({ removed: ['t'] }),
      edits(lists(['b'])),
      { id: 'x', t: ['a'] },
      edits({ set: { t: ['b'] } }),
    ],
    [
      'after a removal of the field there is nothing to remove',
      edits({ removed: ['t'] }),
      edits(lists([], ['b'])),
      { id: 'x', t: ['a'] },
      edits({ removed: ['t'] }),
    ],
    ['a delete ends them', edits(lists(['b'])), DELETE, { id: 'x', t: ['a'] }, DELETE],
    [
      'after a delete they are part of the new record',
      DELETE,
      edits(lists(['b'], ['a'])),
      { id: 'x', t: ['a'], a: 1 },
      edits({ set: { t: ['b'] }, removed: ['a'] }),
    ],
  ])('%s', (_name, earlier, later, under, expected) => {
    expect(compose(earlier, later, under)).toEqual(expected);
  });

  test('an edit without elements has no such part, as a row of an older version', () => {
    for (const made of [
      diff(null, { id: 'x', t: ['a'] }),
      compose(edits(lists(['b'])), edits({ set: { t: [] } }), null),
      without(edits({ set: { a: 1 }, ...lists(['b']) }), ['t']),
    ])
      expect(made).not.toHaveProperty('elements');
  });

  test('a field that is an increment and a list is told', () => {
    expect(fieldsTwice(compose(edits({ inc: { t: 1 } }), edits(lists(['b'])), null)!)).toEqual([
      't',
    ]);
  });

  test('on a value that is no list they do nothing here; the server rejects them', () => {
    for (const t of ['text', null, [{}]]) {
      expect(applyNet({ id: 'x', t }, edits(lists(['b'])), 'x')).toEqual({ id: 'x', t });
      expect(dropEqual(edits(lists(['b'])), { id: 'x', t })).toEqual(edits(lists(['b'])));
      expect(dropEqual(edits(lists([], ['b'])), { id: 'x', t })).toEqual(edits(lists([], ['b'])));
    }
  });

  test('what the list says already is left out', () => {
    expect(dropEqual(edits(lists(['a'], ['z'])), { id: 'x', t: ['a', 'b'] })).toBeUndefined();
    expect(dropEqual(edits(lists([], ['z'])), { id: 'x' })).toBeUndefined();
    expect(dropEqual(edits(lists(['a', 'b'], ['z'])), null)).toEqual(
      edits({ set: { t: ['a', 'b'] } }),
    );
  });
});

test('a record deleted and made again removes the fields its new form does not have', () => {
  const again = compose(DELETE, edits({ set: { b: 2 } }), { id: 'x', a: 1, b: 1 });
  expect(again).toEqual(edits({ set: { b: 2 }, removed: ['a'] }));
});

test('deleting what is not there, and folding nothing, is nothing', () => {
  expect(dropEqual(DELETE, null)).toBeUndefined();
  expect(compose(undefined, undefined, null)).toBeUndefined();
  expect(compose(DELETE, undefined, null)).toBe(DELETE);
  expect(applyNet(null, undefined, 'x')).toBeNull();
});
