import { expect, test } from 'vitest';
import type { Settled } from '../shared/row.ts';
import { createSettling } from './settling.ts';

const settled = (
  id: string,
  lastSeq: number,
  verdict: Settled['verdict'] = 'applied',
): Settled => ({ collection: 'asks', id, lastSeq, verdict });
/** Whether a promise is settled by now. */
const isOpen = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => false), Promise.resolve().then(() => true)]);

test('a verdict settles every capture of its record up to its number', async () => {
  const settling = createSettling();
  const [first, second, later] = [1, 2, 3].map((seq) => settling.of('asks', 'x', seq));
  settling.settle(settled('x', 2));
  expect(await first).toEqual(settled('x', 2));
  expect(await second).toEqual(settled('x', 2));
  expect(await isOpen(later as Promise<Settled>)).toBe(true);
  expect(settling.isWaiting()).toBe(true);
  settling.settle(settled('x', 3, 'rejected'));
  expect(await later).toMatchObject({ verdict: 'rejected' });
  expect(settling.isWaiting()).toBe(false);
});

test('another record’s verdict, or another collection’s, settles nothing', async () => {
  const settling = createSettling();
  const waiting = settling.of('asks', 'x', 1);
  settling.settle(settled('y', 9));
  settling.settle({ ...settled('x', 9), collection: 'others' });
  expect(await isOpen(waiting)).toBe(true);
});

test('a verdict that overtakes the reply to its own capture is remembered', async () => {
  const settling = createSettling();
  settling.settle(settled('x', 5));
  expect(await settling.of('asks', 'x', 5)).toEqual(settled('x', 5));
  expect(await isOpen(settling.of('asks', 'x', 6))).toBe(true);
});

test('verdicts are not remembered without end', async () => {
  const settling = createSettling();
  settling.settle(settled('x', 1));
  for (let at = 0; at < 499; at++) settling.settle(settled(`other ${at}`, 1));
  expect(await isOpen(settling.of('asks', 'x', 1))).toBe(false);
  settling.settle(settled('one more', 1));
  expect(await isOpen(settling.of('asks', 'x', 1))).toBe(true);
});

test('in a new database an old verdict settles no new capture', async () => {
  const settling = createSettling();
  settling.begin('log1');
  settling.settle(settled('x', 50));
  void settling.of('asks', 'y', 1);
  settling.begin('log2');
  expect(settling.isWaiting()).toBe(false);
  expect(await isOpen(settling.of('asks', 'x', 1))).toBe(true);
});

test('the same database, named again, forgets nothing', async () => {
  const settling = createSettling();
  settling.begin('log1');
  const waiting = settling.of('asks', 'x', 1);
  settling.begin('log1');
  settling.settle(settled('x', 1));
  expect(await waiting).toEqual(settled('x', 1));
});
