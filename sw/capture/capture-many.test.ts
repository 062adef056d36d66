import { beforeEach, expect, test } from 'vitest';
import type { Captured, ChangeCommand } from '../../shared/messages.ts';
import { TestReplica } from '../testing/test-replica.ts';

let device: TestReplica;
beforeEach(() => {
  device = new TestReplica();
});

const many = (
  changes: readonly ChangeCommand[],
  requestId = device.name(),
): Promise<readonly Captured[]> =>
  device.ask({ type: 'capture-many', requestId, collection: 'asks', changes: [...changes] });
const put = (id: string, part: object = {}): ChangeCommand => ({
  op: 'put',
  value: { id, ...part },
});
const ids = async (): Promise<string[]> =>
  (await device.ask({ type: 'query', collection: 'asks', query: {} })).map(({ id }) => id);

test('many changes are stored in a single transaction, in order, with a receipt each', async () => {
  const captured = await many([
    put('a'),
    put('b'),
    { op: 'patch', id: 'a', set: { n: 1 }, removed: [] },
  ]);
  expect(captured.map(({ id, seq }) => [id, seq])).toEqual([
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ]);
  expect(await device.ask({ type: 'get', collection: 'asks', id: 'a' })).toMatchObject({
    value: { id: 'a', n: 1 },
  });
  expect((await device.status()).unsent).toBe(2);
});

test('a change that cannot be captured keeps all out, and the error names its place', async () => {
  await device.put('a', { n: 1 });
  const refused = many([
    { op: 'patch', id: 'a', set: { n: 2 }, removed: [] },
    put('b'),
    { op: 'patch', id: 'nobody', set: { n: 1 }, removed: [] },
  ]);
  await expect(refused).rejects.toMatchObject({
    kind: 'not-found',
    message: expect.stringMatching(/^Nothing was stored: number 3 of the changes \(id "nobody"\)/),
  });
  expect(await ids()).toEqual(['a']);
  expect(await device.ask({ type: 'get', collection: 'asks', id: 'a' })).toMatchObject({
    value: { id: 'a', n: 1 },
  });
  const after = await device.put('c');
  expect(after.seq, 'no number is used up by what was not stored').toBe(2);
});

test('a refused unit fails no other capture of the same moment', async () => {
  const [refused, stored] = await Promise.allSettled([
    many([put('a'), { op: 'patch', id: 'nobody', set: { n: 1 }, removed: [] }]),
    device.put('b'),
  ]);
  expect([refused?.status, stored?.status]).toEqual(['rejected', 'fulfilled']);
  expect(await ids()).toEqual(['b']);
});

test('a repeated request is answered as before and changes nothing', async () => {
  const first = await many([put('a', { n: 1 }), put('b')], 'again');
  await device.restart();
  expect(await many([put('a', { n: 1 }), put('b')], 'again')).toEqual(first);
  expect((await device.put('c')).seq).toBe(3);
});

test('the error of a change without an id names its place alone', async () => {
  await expect(many([put('a'), { op: 'put', value: {} }])).rejects.toMatchObject({
    message: expect.stringContaining('number 2 of the changes (without an id)'),
  });
});

test('an empty unit is no error', async () => {
  expect(await many([])).toEqual([]);
});
