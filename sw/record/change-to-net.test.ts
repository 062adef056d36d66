import { describe, expect, test } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import type { Doc, Scalar } from '../../shared/json.ts';
import { FIELD_NAME_BYTES_MAX, ID_BYTES_MAX, RECORD_BYTES_MAX } from '../../shared/limits.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import { DELETE, type Edit } from './net.ts';
import { changeToNet, idOf } from './change-to-net.ts';

const x = (part: object): Doc => ({ id: 'x', ...part });
const edit = (part: Partial<Edit>): Edit => ({
  kind: 'edit',
  set: {},
  removed: [],
  inc: {},
  ...part,
});
const put = (value: unknown): ChangeCommand => ({ op: 'put', value });
const patch = (set: unknown, removed: string[] = []): ChangeCommand => ({
  op: 'patch',
  id: 'x',
  set,
  removed,
});
const increment = (by: Record<string, number>): ChangeCommand => ({ op: 'increment', id: 'x', by });
const addTo = (...t: Scalar[]): ChangeCommand => ({ op: 'add-to', id: 'x', elements: { t } });
const removeFrom = (...t: Scalar[]): ChangeCommand => ({
  op: 'remove-from',
  id: 'x',
  elements: { t },
});
const lists = (added: Scalar[], removed: Scalar[] = []): Edit =>
  edit({ elements: { t: { added, removed } } });
const refusal = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    if (error instanceof UpdraftError) return error.kind;
    throw error;
  }
  return 'none';
};

test.each<[string, ChangeCommand, Doc | null, ReturnType<typeof changeToNet>]>([
  ['a put of a new record is all of it', put(x({ a: 1 })), null, edit({ set: { a: 1 } })],
  ['a put of a new record without a field is a record', put(x({})), null, edit({})],
  ['an addition names what is not there yet', addTo('a', 'b'), x({ t: ['a'] }), lists(['b'])],
  ['an addition to an absent list', addTo('a'), x({}), lists(['a'])],
  ['an addition of what is there', addTo('a', 1), x({ t: [1, 'a'] }), undefined],
  ['an addition of nothing', addTo(), x({}), undefined],
  ['1 is not true', addTo(true), x({ t: [1] }), lists([true])],
  ['a removal names what is there', removeFrom('a', 'b'), x({ t: ['a'] }), lists([], ['a'])],
  ['a removal of what is not there', removeFrom('b'), x({ t: ['a'] }), undefined],
  ['a removal from an absent list', removeFrom('b'), x({}), undefined],
  [
    'a put captures what differs from what this device saw',
    put(x({ a: 2, b: 1 })),
    x({ a: 1, b: 1 }),
    edit({ set: { a: 2 } }),
  ],
  [
    'a put without a field removes it',
    put(x({ b: 1 })),
    x({ a: 1, b: 1 }),
    edit({ removed: ['a'] }),
  ],
  [
    'a put of the same is nothing',
    put(x({ b: { d: 1, c: 2 } })),
    x({ b: { c: 2, d: 1 } }),
    undefined,
  ],
  [
    'an add of a record that is not there',
    { op: 'add', value: x({ a: 1 }) },
    null,
    edit({ set: { a: 1 } }),
  ],
  [
    'a patch captures what it changes',
    patch({ a: 2, b: 1 }),
    x({ a: 1, b: 1 }),
    edit({ set: { a: 2 } }),
  ],
  ['a patch removes what it names', patch({}, ['a']), x({ a: 1 }), edit({ removed: ['a'] })],
  [
    'a patch that removes what is not there is nothing',
    patch({}, ['never']),
    x({ a: 1 }),
    undefined,
  ],
  [
    'a patch that names its own id, or removes it, changes nothing',
    patch({ id: 'x' }, ['id']),
    x({ a: 1 }),
    undefined,
  ],
  ['an increment stays one', increment({ n: 2 }), x({ n: 5 }), edit({ inc: { n: 2 } })],
  ['an increment of an absent field', increment({ n: 2 }), x({}), edit({ inc: { n: 2 } })],
  ['an increment by 0 is nothing', increment({ n: 0 }), x({ n: 5 }), undefined],
  ['a delete', { op: 'delete', id: 'x' }, x({ a: 1 }), DELETE],
  ['a delete of what is not there is nothing', { op: 'delete', id: 'x' }, null, undefined],
])('%s', (_name, change, view, expected) => {
  expect(changeToNet(change, 'x', view)).toEqual(expected);
});

const large = 'x'.repeat(RECORD_BYTES_MAX);
test.each<[string, ChangeCommand, Doc | null, string]>([
  ['an add of a record that is there', { op: 'add', value: x({}) }, x({}), 'exists'],
  ['a patch of a record that is not there', patch({ a: 1 }), null, 'not-found'],
  ['an increment of a record that is not there', increment({ n: 1 }), null, 'not-found'],
  ['an increment of a text', increment({ n: 1 }), x({ n: 'one' }), 'not-a-number'],
  ['an increment of null', increment({ n: 1 }), x({ n: null }), 'not-a-number'],
  ['an increment of the id', increment({ id: 1 }), x({}), 'not-a-number'],
  ['an addition to a record that is not there', addTo('a'), null, 'not-found'],
  ['an addition to a text', addTo('a'), x({ t: 'a' }), 'not-a-list'],
  ['an addition to null', addTo('a'), x({ t: null }), 'not-a-list'],
  ['a removal from a list of lists', removeFrom('a'), x({ t: ['a', []] }), 'not-a-list'],
  [
    'an addition to the id',
    { op: 'add-to', id: 'x', elements: { id: ['a'] } },
    x({}),
    'not-a-list',
  ],
  ['an element that is no JSON text', addTo('half \ud800'), x({}), 'not-json'],
  ['an element with too many digits', addTo(2 ** 53 + 2), x({}), 'not-json'],
  ['an element with which the record is too large', addTo(large), x({}), 'too-large'],
  [
    'an increment beyond what JSON can hold',
    increment({ n: 1e308 }),
    x({ n: 1.7e308 }),
    'not-json',
  ],
  ['a put that is no record', put(['x']), null, 'not-json'],
  ['a put of what JSON cannot hold', put(x({ a: undefined })), null, 'not-json'],
  ['a patch of what JSON cannot hold', patch({ a: Number.NaN }), x({}), 'not-json'],
  ['a patch that is no object', patch(null), x({}), 'not-json'],
  ['a record too large', put(x({ a: large })), null, 'too-large'],
  [
    'a patch that makes it too large',
    patch({ b: large.slice(0, RECORD_BYTES_MAX / 2) }),
    x({ a: large.slice(0, RECORD_BYTES_MAX / 2) }),
    'too-large',
  ],
  [
    'a field’s name too long',
    put(x({ ['f'.repeat(FIELD_NAME_BYTES_MAX + 1)]: 1 })),
    null,
    'too-large',
  ],
])('is refused with a typed error: %s', (_name, change, view, kind) => {
  expect(refusal(() => changeToNet(change, 'x', view))).toBe(kind);
});

test('a record of just the largest size is stored', () => {
  const frame = JSON.stringify(x({ a: '' })).length;
  expect(
    refusal(() => changeToNet(put(x({ a: 'x'.repeat(RECORD_BYTES_MAX - frame) })), 'x', null)),
  ).toBe('none');
  expect(
    refusal(() => changeToNet(put(x({ a: 'x'.repeat(RECORD_BYTES_MAX - frame + 1) })), 'x', null)),
  ).toBe('too-large');
});

describe('the id', () => {
  test.each<[string, unknown, string]>([
    ['missing', {}, 'no-id'],
    ['of no record', null, 'no-id'],
    ['of a text', 'x', 'no-id'],
    ['a number', { id: 7 }, 'no-id'],
    ['empty', { id: '' }, 'no-id'],
    ['too long', { id: 'x'.repeat(ID_BYTES_MAX + 1) }, 'too-large'],
    ['with U+0000', { id: 'a\u0000' }, 'not-json'],
    ['with half a surrogate pair', { id: '\ud83d' }, 'not-json'],
  ])('%s is refused', (_name, value, kind) => {
    expect(refusal(() => idOf(put(value)))).toBe(kind);
  });
  test('is the record’s, or the one named', () => {
    expect(idOf(put(x({})))).toBe('x');
    expect(idOf(patch({ id: 'other' }))).toBe('x');
  });
});

describe('names that every object inherits are fields like any other', () => {
  test.each(['constructor', 'toString', 'valueOf', 'prototype', 'hasOwnProperty'])('%s', (name) => {
    expect(changeToNet(increment({ [name]: 1 }), 'x', x({}))).toEqual(edit({ inc: { [name]: 1 } }));
    expect(changeToNet(put(x({ [name]: 1 })), 'x', x({}))).toEqual(edit({ set: { [name]: 1 } }));
    expect(changeToNet(put(x({})), 'x', x({ [name]: 1 }))).toEqual(edit({ removed: [name] }));
  });
});
