import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Policy } from '../../shared/collections.ts';
import type { Doc, Json } from '../../shared/json.ts';
import { applyNet, DELETE, diff, type Edit, type Net } from './net.ts';
import { POLICIES } from '../testing/test-policies.ts';
import { rebase, type Rebased } from './rebase.ts';

const edit = (part: Partial<Edit>): Edit => ({
  kind: 'edit',
  set: {},
  removed: [],
  inc: {},
  ...part,
});
const left = (net: Net | undefined, more: Partial<Rebased> = {}): Rebased => ({
  net,
  conflicts: [],
  dropped: [],
  ...more,
});

interface Case {
  readonly name: string;
  readonly net: Net;
  readonly from: Doc | null;
  readonly to: Doc | null;
  readonly expected: Readonly<Record<Policy, Rebased>>;
}
const same = (expected: Rebased): Case['expected'] => ({
  ask: expected,
  'client-wins': expected,
  'server-wins': expected,
});
const byPolicy = (ask: Rebased, client: Rebased, server: Rebased): Case['expected'] => ({
  ask,
  'client-wins': client,
  'server-wins': server,
});

const x = (part: object): Doc => ({ id: 'x', ...part });
const setA = edit({ set: { a: 'mine' } });
const removeA = edit({ removed: ['a'] });
const incN = edit({ inc: { n: 2 } });
const listT = edit({ elements: { t: { added: ['mine'], removed: ['gone'] } } });
const setAB = edit({ set: { a: 'mine', b: 'mine' } });

const CASES: readonly Case[] = [
  // Elements of a list.
  {
    name: 'elements; other elements there',
    net: listT,
    from: x({ t: ['gone'] }),
    to: x({ t: ['gone', 'theirs'] }),
    expected: same(left(listT)),
  },
  {
    name: 'elements; the list set to another there',
    net: listT,
    from: x({ t: ['gone'] }),
    to: x({ t: ['theirs'] }),
    expected: same(left(listT)),
  },
  {
    name: 'elements; the list removed there',
    net: listT,
    from: x({ t: ['gone'] }),
    to: x({}),
    expected: same(left(listT)),
  },
  {
    name: 'elements; the same change there',
    net: listT,
    from: x({ t: ['gone'] }),
    to: x({ t: ['theirs', 'mine'] }),
    expected: same(left(undefined)),
  },
  {
    name: 'elements; no list any more there: sent, so that the server rejects it',
    net: listT,
    from: x({ t: ['gone'] }),
    to: x({ t: 'theirs' }),
    expected: same(left(listT)),
  },
  // A field set here.
  {
    name: 'set; the other field changed there',
    net: setA,
    from: x({ a: 0, b: 0 }),
    to: x({ a: 0, b: 1 }),
    expected: same(left(setA)),
  },
  {
    name: 'set; the same value there',
    net: setA,
    from: x({ a: 0 }),
    to: x({ a: 'mine' }),
    expected: same(left(undefined)),
  },
  {
    name: 'set; another value there',
    net: setA,
    from: x({ a: 0 }),
    to: x({ a: 'theirs' }),
    expected: byPolicy(
      left(setA, { conflicts: ['a'] }),
      left(setA),
      left(undefined, { dropped: ['a'] }),
    ),
  },
  {
    name: 'set; removed there',
    net: setA,
    from: x({ a: 0 }),
    to: x({}),
    expected: byPolicy(
      left(setA, { conflicts: ['a'] }),
      left(setA),
      left(undefined, { dropped: ['a'] }),
    ),
  },
  {
    name: 'set of two; one changed there: only that one is in question',
    net: setAB,
    from: x({ a: 0, b: 0 }),
    to: x({ a: 'theirs', b: 0 }),
    expected: byPolicy(
      left(setAB, { conflicts: ['a'] }),
      left(setAB),
      left(edit({ set: { b: 'mine' } }), { dropped: ['a'] }),
    ),
  },
  {
    name: 'set of two; one equal there: only the other is left',
    net: setAB,
    from: x({ a: 0, b: 0 }),
    to: x({ a: 'mine', b: 0 }),
    expected: same(left(edit({ set: { b: 'mine' } }))),
  },
  {
    name: 'set of a new field; nothing like it there',
    net: setA,
    from: x({}),
    to: x({ b: 1 }),
    expected: same(left(setA)),
  },
  {
    name: 'set of a new field; made there too',
    net: setA,
    from: x({}),
    to: x({ a: 'theirs' }),
    expected: byPolicy(
      left(setA, { conflicts: ['a'] }),
      left(setA),
      left(undefined, { dropped: ['a'] }),
    ),
  },
  {
    name: 'set 1; true there is not equal',
    net: edit({ set: { a: 1 } }),
    from: x({ a: 0 }),
    to: x({ a: true }),
    expected: byPolicy(
      left(edit({ set: { a: 1 } }), { conflicts: ['a'] }),
      left(edit({ set: { a: 1 } })),
      left(undefined, { dropped: ['a'] }),
    ),
  },
  // A field removed here.
  {
    name: 'removed; unchanged there',
    net: removeA,
    from: x({ a: 0, b: 0 }),
    to: x({ a: 0, b: 1 }),
    expected: same(left(removeA)),
  },
  {
    name: 'removed; removed there too',
    net: removeA,
    from: x({ a: 0 }),
    to: x({}),
    expected: same(left(undefined)),
  },
  {
    name: 'removed; changed there',
    net: removeA,
    from: x({ a: 0 }),
    to: x({ a: 'theirs' }),
    expected: byPolicy(
      left(removeA, { conflicts: ['a'] }),
      left(removeA),
      left(undefined, { dropped: ['a'] }),
    ),
  },
  // Increments never conflict: they sum up.
  {
    name: 'incremented; unchanged there',
    net: incN,
    from: x({ n: 1, b: 0 }),
    to: x({ n: 1, b: 1 }),
    expected: same(left(incN)),
  },
  {
    name: 'incremented; changed there',
    net: incN,
    from: x({ n: 1 }),
    to: x({ n: 10 }),
    expected: same(left(incN)),
  },
  {
    name: 'incremented; removed there',
    net: incN,
    from: x({ n: 1 }),
    to: x({}),
    expected: same(left(incN)),
  },
  // A record deleted here.
  {
    name: 'deleted; unchanged there',
    net: DELETE,
    from: x({ a: 0 }),
    to: x({ a: 0 }),
    expected: same(left(DELETE)),
  },
  {
    name: 'deleted; deleted there too',
    net: DELETE,
    from: x({ a: 0 }),
    to: null,
    expected: same(left(undefined)),
  },
  {
    name: 'deleted; changed there',
    net: DELETE,
    from: x({ a: 0 }),
    to: x({ a: 1 }),
    expected: byPolicy(left(DELETE, { conflicts: '*' }), left(DELETE), left(undefined)),
  },
  // A record deleted there.
  {
    name: 'edited; deleted there: stays the edit it was',
    net: setA,
    from: x({ a: 0, b: 'seen', n: 1 }),
    to: null,
    expected: byPolicy(
      left(setA, { conflicts: '*' }),
      left(setA),
      left(undefined, { dropped: ['a'] }),
    ),
  },
  {
    name: 'incremented; deleted there',
    net: incN,
    from: x({ n: 1 }),
    to: null,
    expected: byPolicy(
      left(incN, { conflicts: '*' }),
      left(incN),
      left(undefined, { dropped: ['n'] }),
    ),
  },
  // A record created here.
  { name: 'created; nothing there', net: setA, from: null, to: null, expected: same(left(setA)) },
  {
    name: 'created; the same created there',
    net: setA,
    from: null,
    to: x({ a: 'mine' }),
    expected: same(left(undefined)),
  },
  {
    name: 'created; created there with other fields',
    net: setA,
    from: null,
    to: x({ b: 1 }),
    expected: same(left(setA)),
  },
  {
    name: 'created; created there with another value',
    net: setA,
    from: null,
    to: x({ a: 'theirs' }),
    expected: byPolicy(
      left(setA, { conflicts: ['a'] }),
      left(setA),
      left(undefined, { dropped: ['a'] }),
    ),
  },
];

describe.each(POLICIES)('%s', (policy) => {
  test.each(CASES)('$name', ({ net, from, to, expected }) => {
    expect(rebase(net, from, to, policy)).toEqual(expected[policy]);
  });
});

const value = fc.constantFrom<Json>(0, 1, 'x');
const doc = fc
  .dictionary(fc.constantFrom('a', 'b', 'n'), value)
  .map((fields): Doc => ({ ...fields, id: 'x' }));

describe('by property', () => {
  test('a change of only one side is no conflict, and both sides’ changes stand in the end', () => {
    fc.assert(
      fc.property(doc, doc, doc, fc.constantFrom(...POLICIES), (base, mine, theirs, policy) => {
        const result = rebase(diff(base, mine), base, theirs, policy);
        const merged = applyNet(theirs, result.net, 'x');
        const touched = [...(result.conflicts as readonly string[]), ...result.dropped];
        for (const field of ['a', 'b', 'n']) {
          const [was, here, there] = [base[field], mine[field], theirs[field]];
          const isContested = here !== was && there !== was && here !== there;
          const expected = here === was || (isContested && policy === 'server-wins') ? there : here;
          expect([merged?.[field], touched.includes(field)]).toEqual([
            expected,
            isContested && policy !== 'client-wins',
          ]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('rebasing on the same base again finds no conflict', () => {
    fc.assert(
      fc.property(doc, doc, doc, (base, mine, theirs) => {
        const once = rebase(diff(base, mine), base, theirs, 'ask').net;
        if (once) expect(rebase(once, theirs, { ...theirs }, 'ask')).toEqual(left(once));
      }),
    );
  });
});
