import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { WakeUpQueue } from './wake-up-queue.ts';

const SCOPE = 'https://field.example/';
const QUEUE = 'updraft@/';
const TAG = `workbox-background-sync:${QUEUE}`;
const LANE = 'exchange:ana';

/** The browser's state of Background Sync. */
class FakeSync {
  tags: string[] = [];
  registered = 0;
  register = async (tag: string): Promise<void> => {
    this.registered++;
    this.tags.push(tag);
  };
  getTags = async (): Promise<string[]> => this.tags;
}
interface SyncEventLike {
  readonly tag: string;
  readonly lastChance: boolean;
  readonly waitUntil: (work: Promise<void>) => void;
}

let sync: FakeSync;
let syncListeners: ((event: SyncEventLike) => void)[];
/** A worker's global scope; `registration` must be there before Workbox is imported. */
async function start(
  onSync: () => Promise<void> = async () => undefined,
  registration: object = { sync },
  at = SCOPE,
): Promise<WakeUpQueue> {
  const scope = {
    registration: { scope: at, ...registration },
    __WB_DISABLE_DEV_LOGS: true,
    location: { href: 'https://field.example/sw.js' },
    addEventListener: (type: string, listener: (event: SyncEventLike) => void) =>
      void (type === 'sync' && syncListeners.push(listener)),
  };
  vi.stubGlobal('self', scope);
  vi.stubGlobal('location', scope.location);
  vi.stubGlobal('__WB_DISABLE_DEV_LOGS', true);
  // Modules are evaluated anew for each worker, because Workbox allows a queue's name once.
  vi.resetModules();
  const { createWorkboxQueue } = await import('./workbox-queue.ts');
  return createWorkboxQueue(
    scope as unknown as ServiceWorkerGlobalScope,
    '/airflow/updraft/v1/exchange',
    onSync,
  );
}
/** Fires the browser's sync event; resolves or rejects as the event does. */
async function fire(lastChance = false, tag = TAG): Promise<void> {
  const work: Promise<void>[] = [];
  for (const listener of syncListeners)
    listener({ tag, lastChance, waitUntil: (promise) => void work.push(promise) });
  await Promise.all(work);
}
function request<T>(of: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    of.onsuccess = () => resolve(of.result);
    of.onerror = () => reject(of.error ?? new Error('failed'));
  });
}
/** Returns the rows in Workbox's database. */
async function storedRows(): Promise<Record<string, unknown>[]> {
  const db = await request(indexedDB.open('workbox-background-sync'));
  const rows = await request(db.transaction('requests').objectStore('requests').getAll());
  db.close();
  return rows as Record<string, unknown>[];
}

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  sync = new FakeSync();
  syncListeners = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a row of the Workbox queue', () => {
  test('is one delivery: the real method and Airflow URL, with id and lane', async () => {
    const queue = await start();
    await queue.push('d1', LANE);
    const [row, ...others] = await storedRows();
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      queueName: QUEUE,
      metadata: { deliveryId: 'd1', lane: LANE },
      requestData: { method: 'POST', url: 'https://field.example/airflow/updraft/v1/exchange' },
    });
  });

  test('holds neither a body nor credentials (law 9)', async () => {
    const queue = await start();
    await queue.push('d1', LANE);
    const [row] = (await storedRows()) as unknown as {
      requestData: { body?: ArrayBuffer; headers: Record<string, string> };
      metadata: object;
    }[];
    expect(row?.requestData.body?.byteLength ?? 0).toBe(0);
    expect(row?.requestData.headers).toEqual({});
    expect(Object.keys(row?.metadata ?? {})).toEqual(['deliveryId', 'lane']);
  });

  test('is peeked at, in order and by lane, and stays until removed', async () => {
    const queue = await start();
    await queue.push('d1', LANE);
    await queue.push('other', 'exchange:bob');
    await queue.push('d2', LANE);
    const rows = await queue.peek(LANE);
    expect(rows.map(({ deliveryId }) => deliveryId)).toEqual(['d1', 'd2']);
    expect(await queue.peek(LANE)).toEqual(rows);
    await queue.remove(rows[0] ?? { id: 0, deliveryId: '' });
    expect((await queue.peek(LANE)).map(({ deliveryId }) => deliveryId)).toEqual(['d2']);
    expect((await queue.peek('exchange:bob')).map(({ deliveryId }) => deliveryId)).toEqual([
      'other',
    ]);
  });

  test('outlives its worker', async () => {
    await (await start()).push('d1', LANE);
    expect((await (await start()).peek(LANE)).map(({ deliveryId }) => deliveryId)).toEqual(['d1']);
  });

  test('fault 39: of another shape is skipped, not trusted', async () => {
    const queue = await start();
    await queue.push('d1', LANE);
    const db = await request(indexedDB.open('workbox-background-sync'));
    const requests = db.transaction('requests', 'readwrite').objectStore('requests');
    for (const metadata of [undefined, { deliveryId: 7, lane: LANE }, 'text'])
      await request(requests.add({ queueName: QUEUE, requestData: {}, timestamp: 0, metadata }));
    db.close();
    expect((await queue.peek(LANE)).map(({ deliveryId }) => deliveryId)).toEqual(['d1']);
  });

  test('is no truth: after its database was deleted the queue works on', async () => {
    await (await start()).push('d1', LANE);
    vi.stubGlobal('indexedDB', new IDBFactory());
    const queue = await start();
    expect(await queue.peek(LANE)).toEqual([]);
    await queue.push('d1', LANE);
    expect(await queue.peek(LANE)).toHaveLength(1);
  });
});

describe('a sync registration', () => {
  test('is made once while the tag is pending', async () => {
    const queue = await start();
    expect(await queue.register()).toBe(true);
    expect(await queue.register()).toBe(true);
    expect(sync).toMatchObject({ registered: 1, tags: [TAG] });
  });

  test('refused by the browser is reported: Workbox hides the refusal', async () => {
    sync.register = () => Promise.reject(new Error('permission denied'));
    expect(await (await start()).register()).toBe(false);
  });

  test('whose list the browser cannot read is no error', async () => {
    sync.getTags = () => Promise.reject(new Error('no active worker'));
    expect(await (await start()).register()).toBe(false);
  });

  test('that hangs does not hold up a capture', async () => {
    const queue = await start();
    vi.useFakeTimers();
    sync.register = () => new Promise(() => undefined);
    const registering = queue.register();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await registering).toBe(false);
  });

  test('is not made inside the tag’s own event, which would fire at once, for ever', async () => {
    let duringSync: boolean | undefined;
    const queue: WakeUpQueue = await start(async () => {
      duringSync = await queue.register();
    });
    await fire();
    expect(duringSync).toBe(true);
    expect(sync.registered).toBe(0);
    await queue.register();
    expect(sync.registered, 'afterwards it is made again').toBe(1);
  });

  test('gets a new fresh tag each time the old tag is stuck in the browser’s backoff', async () => {
    const queue = await start();
    for (const isStuck of [false, false, true, true])
      expect(await queue.register(isStuck)).toBe(true);
    expect(sync.tags).toEqual([TAG, 'updraft:kick:1', 'updraft:kick:2']);
  });

  test('leaves at most a few fresh tags pending', async () => {
    const queue = await start();
    for (let times = 0; times < 20; times++) await queue.register(true);
    expect(sync.tags).toHaveLength(4);
  });

  test('is made again after the browser’s last attempt, when the tag is gone', async () => {
    const queue = await start(() => Promise.reject(new Error('work left')));
    await queue.register();
    sync.tags = [];
    await expect(fire(true)).rejects.toThrow('work left');
    await queue.register(true);
    expect(sync.tags).toEqual([TAG]);
  });

  test('of a fresh tag wakes the worker too, and fails while work is left', async () => {
    const onSync = vi.fn<() => Promise<void>>(() => Promise.reject(new Error('work left')));
    const queue = await start(onSync);
    await expect(fire(false, 'updraft:kick:7')).rejects.toThrow('work left');
    await fire(false, 'another-apps-tag');
    expect(onSync).toHaveBeenCalledTimes(1);
    await queue.register();
    expect(sync.registered).toBe(1);
  });

  test('is possible again after an event that failed', async () => {
    const queue = await start(() => Promise.reject(new Error('work left')));
    await expect(fire()).rejects.toThrow('work left');
    await queue.register();
    expect(sync.registered).toBe(1);
  });
});

test('the sync event fails while work is left, so that the browser tries again', async () => {
  let calls = 0;
  await start(async () => {
    if (++calls === 1) throw new Error('work left');
  });
  await expect(fire()).rejects.toThrow('work left');
  await expect(fire(true)).resolves.toBeUndefined();
  expect(calls).toBe(2);
});

test('without Background Sync Workbox’s replay at each start does nothing', async () => {
  const onSync = vi.fn<() => Promise<void>>(async () => undefined);
  const queue = await start(onSync, {});
  expect(onSync).not.toHaveBeenCalled();
  expect(await queue.register()).toBe(false);
  await queue.push('d1', LANE);
  expect(await queue.peek(LANE)).toHaveLength(1);
});
