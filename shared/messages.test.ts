import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { MutationSchema } from './mutation.ts';
import { CommandSchema, RequestSchema } from './messages.ts';

const capture = (change: unknown): unknown => ({
  type: 'capture',
  requestId: 'q',
  collection: 'asks',
  change,
});
const resolve = (choices: unknown): unknown => ({
  type: 'resolve',
  requestId: 'q',
  conflictId: 'c',
  theirsRevision: 1,
  choices,
});
const increment = (by: unknown): unknown => capture({ op: 'increment', id: 'x', by });
const addTo = (elements: unknown): unknown => capture({ op: 'add-to', id: 'x', elements });
const proto: unknown = JSON.parse('{"__proto__": 1}');

describe('a message of a page is read by its schema, never trusted (law 10)', () => {
  test.each<[string, unknown]>([
    ['of no known type', { type: 'drop-all' }],
    ['that is no object', 'hello'],
    ['with a change of no known kind', capture({ op: 'replace', id: 'x' })],
    ['with an increment that is no number', increment({ n: '1' })],
    ['with an infinite increment', increment({ n: Infinity })],
    ['with an increment by NaN', increment({ n: Number.NaN })],
    ['with increments that are a list', increment([1])],
    ['fault 39: with an increment of __proto__', increment(proto)],
    ['with an element in no list', addTo({ tags: 'wet' })],
    ['with a list as an element', addTo({ tags: [['wet']] })],
    ['with an object as an element', addTo({ tags: [{}] })],
    ['with NaN as an element', addTo({ tags: [Number.NaN] })],
    ['with elements of no field', addTo(['wet'])],
    ['fault 39: with elements of __proto__', addTo(JSON.parse('{"__proto__": []}'))],
    ['with a choice of no known kind', resolve({ a: { take: 'both' } })],
    ['with a choice without a value', resolve({ a: {} })],
    ['fault 39: with a choice for __proto__', resolve(proto)],
    ['with news of no revision', { type: 'news', epoch: 'e', revision: -1 }],
    [
      'with a wake-up for no known reason',
      { type: 'wake', reason: 'because', log: 'l', cursor: 1 },
    ],
    [
      'without a request id: it could be done twice',
      { type: 'discard', collection: 'asks', id: 'x' },
    ],
  ])('%s is refused', (_name, command) => {
    expect(v.safeParse(CommandSchema, command).success).toBe(false);
  });
  test('for no user, or for one with an endless name, is refused', () => {
    for (const user of ['', 'x'.repeat(251), 7])
      expect(v.safeParse(RequestSchema, { updraft: 1, user, command: {} }).success).toBe(false);
  });
});

test('a message keeps fields named like properties of every object', () => {
  for (const name of ['constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    for (const command of [
      increment({ [name]: 1 }),
      addTo({ [name]: ['wet', 1, true, null] }),
      resolve({ [name]: { take: 'mine' } }),
      resolve({ [name]: { value: [null] } }),
    ]) {
      expect(v.parse(CommandSchema, command)).toEqual(command);
    }
    const mutation = {
      collection: 'asks',
      id: 'x',
      firstSeq: 1,
      lastSeq: 1,
      baseRevision: 0,
      op: 'patch',
      set: { [name]: 1 },
      inc: { [name]: 2 },
      elements: { [name]: { added: [1], removed: [] } },
    };
    expect(v.parse(MutationSchema, mutation)).toEqual(mutation);
  }
});
