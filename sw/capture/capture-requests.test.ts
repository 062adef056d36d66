import { IDBIndex, IDBObjectStore } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LoggedEvent } from '../../shared/messages.ts';
import { rowsOf } from '../simulation/raw-rows.ts';
import { plantRows } from '../testing/plant-rows.ts';
import { TestReplica } from '../testing/test-replica.ts';

const METHODS = [
  'add',
  'count',
  'delete',
  'get',
  'getAll',
  'getAllKeys',
  'getKey',
  'openCursor',
  'openKeyCursor',
  'put',
] as const;

let device: TestReplica;
beforeEach(() => {
  device = new TestReplica();
});
afterEach(() => vi.restoreAllMocks());

type Prototype = Record<string, (...args: unknown[]) => unknown>;

/** Notes each request to the database from now on. */
function noted(): string[] {
  const requests: string[] = [];
  for (const type of [IDBObjectStore, IDBIndex])
    for (const method of METHODS) {
      const prototype = type.prototype as unknown as Prototype;
      const original = prototype[method];
      if (!original) continue;
      vi.spyOn(prototype, method).mockImplementation(function (
        this: { readonly name: string },
        ...args: unknown[]
      ) {
        requests.push(`${method} ${this.name}`);
        return original.apply(this, args);
      });
    }
  return requests;
}

/** Another worker of the same user, on the same database. */
function anotherWorker(): TestReplica {
  const other = new TestReplica();
  other.indexedDB = device.indexedDB;
  const { name } = other;
  other.name = () => `other ${name()}`;
  return other;
}

describe('requests to the database', () => {
  test('a capture into a replica with work left makes seven', async () => {
    await device.put('x');
    await device.put('y');
    const { pipeline } = await device.open();
    const requests = noted();
    await pipeline.capture({
      requestId: 'r',
      collection: 'asks',
      change: { op: 'put', value: { id: 'z' } },
    });
    expect(requests.slice(0, 7)).toEqual([
      'getAll replica',
      'get records',
      'put records',
      'add requests',
      'put replica',
      'add events',
      'put replica',
    ]);
  });
});

describe('fault 80: a capture meets rows that it did not expect', () => {
  const seqs = (): number[] =>
    device.events.map(({ cursor }: LoggedEvent) => cursor).toSorted((a, b) => a - b);

  test('a repeated request in the same worker gets its first answer', async () => {
    const remove = { type: 'capture', requestId: 'r', collection: 'asks' } as const;
    await device.put('x', { n: 1 });
    const first = await device.ask({
      ...remove,
      change: { op: 'increment', id: 'x', by: { n: 1 } },
    });
    const again = await device.ask({
      ...remove,
      change: { op: 'increment', id: 'x', by: { n: 1 } },
    });
    expect(again).toEqual(first);
    expect(await device.ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
      value: { n: 2 },
    });
  });

  test('a repeated request that would fail now gets its first answer', async () => {
    await device.put('x');
    const command = {
      type: 'capture',
      requestId: 'r',
      collection: 'asks',
      change: { op: 'delete', id: 'x' },
    } as const;
    const first = await device.ask(command);
    expect(await device.ask(command)).toEqual(first);
    await device.restart();
    expect(await device.ask(command)).toEqual(first);
  });

  test('a repeated request beside new ones of the same moment changes nothing twice', async () => {
    await device.put('x', { n: 1 });
    const increment = {
      type: 'capture',
      requestId: 'r',
      collection: 'asks',
      change: { op: 'increment', id: 'x', by: { n: 1 } },
    } as const;
    const first = await device.ask(increment);
    const [again, other] = await Promise.all([device.ask(increment), device.put('y')]);
    expect(again).toEqual(first);
    expect(other).toMatchObject({ id: 'y', seq: 3 });
    expect(await device.ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
      value: { n: 2 },
    });
  });

  test('an event that a script has written under the next number is kept', async () => {
    for (const id of ['x', 'y']) await device.put(id);
    const [last = 0] = seqs().toReversed();
    const change = { type: 'change', collection: 'asks', ids: ['?'], cursor: last + 1 };
    await plantRows(device.indexedDB, 'ana', 'events', [{ cursor: last + 1, events: [change] }]);
    await device.put('z');
    expect(seqs().at(-1)).toBe(last + 2);
    expect(await rowsOf(device.indexedDB, 'ana', 'events')).toContainEqual({
      cursor: last + 1,
      events: [change],
    });
  });

  test('another worker has written: no number is given twice, one delivery is open', async () => {
    const other = anotherWorker();
    for (const [at, one] of [device, other, device, other, other, device].entries())
      await one.put(`${at}`);
    const cursors = [...device.events, ...other.events].map(({ cursor }) => cursor);
    expect(cursors.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await rowsOf(device.indexedDB, 'ana', 'deliveries')).toHaveLength(1);
    expect((await device.status()).unsent).toBe(6);
  });

  test('another worker has only logged an event: its number is not given again', async () => {
    const other = anotherWorker();
    await device.put('x');
    await device.put('y');
    const { desk } = await other.open();
    await desk.update((replica) => replica, [{ type: 'change', collection: 'asks', ids: ['x'] }]);
    await device.put('z');
    expect(
      [...device.events, ...other.events].map(({ cursor }) => cursor).toSorted((a, b) => a - b),
    ).toEqual([1, 2, 3, 4]);
  });
});
