import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Question } from '../shared/messages.ts';
import { MESSAGES_FLOOR, MESSAGES_VERSION } from '../shared/protocol-version.ts';
import { createCacheMirror } from './mirror/cache-mirror.ts';
import { oldNameOf } from './store/names.ts';
import { TestReplica } from './testing/test-replica.ts';
import { readBatch } from './testing/test-server.ts';
import { type TestCaches, TestOrigin, TestWorker } from './testing/test-worker.ts';

const A = 'https://field.example/a/';
const B = 'https://field.example/b/';
const SIGN_IN = { type: 'sign-in', credentials: { kind: 'cookie' } } as const;
const EVERYTHING = { type: 'query', collection: 'asks', query: {} } as const;

let origin: TestOrigin;
beforeEach(() => {
  origin = new TestOrigin();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const idsOf = async (worker: TestWorker, user = 'ana'): Promise<string[]> =>
  (await worker.ask(EVERYTHING, user)).map(({ id }) => id);
const databases = async (): Promise<string[]> =>
  (await origin.indexedDB.databases()).flatMap(({ name }) => name ?? []).sort();
const sent = (): string[] => origin.server.batches.flatMap(readBatch).map(({ id }) => id);

/**
 * The leftovers of the version before apps had names: a replica with unsent work, and its mirror.
 */
async function leaveOld(
  user: string,
  ids: readonly string[],
  parts: readonly ('database' | 'mirror')[] = ['database', 'mirror'],
): Promise<string> {
  const device = new TestReplica(user);
  if (parts.includes('database')) device.indexedDB = origin.indexedDB;
  for (const id of ids) await device.put(id);
  const { replicaId } = await device.status();
  const { world, mirror } = await device.open();
  const [delivery] = await world.store.read((tx) => tx.deliveries());
  await mirror.flush();
  await world.store.write(async (tx) => {
    const { app: _, ...replica } = await tx.replica();
    await tx.putReplica(replica);
  });
  await device.restart();
  await pushOldRow(`exchange:${user}`, delivery?.deliveryId ?? '');
  if (!device.mirrored) throw new Error('There is no mirror.');
  const { app: _, ...replica } = device.mirrored.replica;
  if (parts.includes('mirror'))
    await createCacheMirror(cachesOf(origin), oldNameOf(user), {
      sleep: async () => undefined,
    }).write({ ...device.mirrored, replica });
  return replicaId;
}
/** The newest mirror of the two places. */
const mirroredAs = (name: string): string =>
  [...(origin.caches.kept.get(name)?.values() ?? [])]
    .toSorted((a, b) => turnOf(a) - turnOf(b))
    .at(-1) ?? '';
const turnOf = (text: string): number => (JSON.parse(text) as { turn: number }).turn;
const cachesOf = ({ caches }: { caches: TestCaches }): CacheStorage =>
  caches as unknown as CacheStorage;

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));

/** Workbox's database with all wake-up rows of the origin. */
async function workboxRows(): Promise<IDBObjectStore> {
  const request = origin.indexedDB.open('workbox-background-sync', 3);
  request.onupgradeneeded = () =>
    request.result
      .createObjectStore('requests', { autoIncrement: true, keyPath: 'id' })
      .createIndex('queueName', 'queueName');
  return (await done(request)).transaction('requests', 'readwrite').objectStore('requests');
}
async function pushOldRow(lane: string, deliveryId: string): Promise<void> {
  const rows = await workboxRows();
  await done(
    rows.add({
      queueName: 'updraft',
      requestData: {},
      timestamp: 0,
      metadata: { deliveryId, lane },
    }),
  );
  rows.transaction.db.close();
}
async function queues(): Promise<string[]> {
  const rows = await workboxRows();
  const all = (await done(rows.getAll())) as { queueName: string }[];
  rows.transaction.db.close();
  return all.map(({ queueName }) => queueName);
}

/** Makes another script's database under a name. */
async function makeForeign(name: string): Promise<void> {
  const request = origin.indexedDB.open(name, 3);
  await new Promise<void>((resolve) => {
    request.onupgradeneeded = () =>
      request.result.createObjectStore('settings').put('dark', 'theme');
    request.onsuccess = () => resolve();
  });
  request.result.close();
}
async function readForeign(name: string): Promise<unknown[]> {
  const request = origin.indexedDB.open(name);
  await new Promise((resolve) => (request.onsuccess = resolve));
  const db = request.result;
  const theme = db.transaction('settings').objectStore('settings').get('theme');
  await new Promise((resolve) => (theme.onsuccess = resolve));
  db.close();
  return [db.version, [...db.objectStoreNames], theme.result];
}

describe('case B12: fault 59: two apps of one origin, and the same user in both', () => {
  test('have replicas, outboxes, mirrors, channels and wake-ups of their own', async () => {
    const a = await TestWorker.start(origin, A);
    await a.put('of a');
    const b = await TestWorker.start(origin, B);
    await b.put('of b');
    expect([await idsOf(a), await idsOf(b)]).toEqual([['of a'], ['of b']]);
    const [inA, inB] = [await a.ask({ type: 'status' }), await b.ask({ type: 'status' })];
    expect(inA.replicaId).not.toBe(inB.replicaId);
    expect([inA.unsent, inB.unsent]).toEqual([1, 1]);
    const channels = [await a.ask({ type: 'channel' }), await b.ask({ type: 'channel' })];
    expect(new Set(channels).size).toBe(2);
    for (const [at, id] of ['of a', 'of b'].entries()) {
      const told = JSON.stringify(origin.told.filter(({ channel }) => channel === channels[at]));
      expect(told).toContain(id);
      expect(told).not.toContain(id === 'of a' ? 'of b' : 'of a');
    }
    expect(origin.told.filter(({ channel }) => !channels.includes(channel))).toEqual([]);
    expect(await databases()).toEqual([
      'updraft@/a/ ana',
      'updraft@/b/ ana',
      'workbox-background-sync',
    ]);
    expect([a.sync.tags, b.sync.tags]).toEqual([
      ['workbox-background-sync:updraft@/a/'],
      ['workbox-background-sync:updraft@/b/'],
    ]);
    expect(new Set(origin.locks.names.filter((name) => name.endsWith('drain:ana')))).toEqual(
      new Set(['updraft@/a/ ana:drain:ana', 'updraft@/b/ ana:drain:ana']),
    );
  });
  test('each sends its own work, woken by its own tag', async () => {
    const a = await TestWorker.start(origin, A);
    await a.put('of a');
    await a.ask(SIGN_IN);
    const b = await TestWorker.start(origin, B);
    await b.put('of b');
    origin.isOnline = true;
    await a.fireSync('workbox-background-sync:updraft@/a/').catch(() => undefined);
    await a.ask({ type: 'sync' });
    expect(sent()).toEqual(['of a']);
    expect((await b.ask({ type: 'status' })).unsent).toBe(1);
  });
  test('a sign-out wipes one app; the other keeps its data', async () => {
    const a = await TestWorker.start(origin, A);
    await a.put('of a');
    const b = await TestWorker.start(origin, B);
    await b.put('of b');
    await a.ask({ type: 'sign-out', unsent: 'discard' });
    expect(await databases()).toEqual(['updraft@/b/ ana', 'workbox-background-sync']);
    expect(await idsOf(await TestWorker.start(origin, B))).toEqual(['of b']);
  });
});

describe('case B12: fault 60: a database of another script', () => {
  test('under an old name is neither upgraded nor drained; a new replica is made', async () => {
    for (const name of ['updraft:settings', 'updraft:ana']) await makeForeign(name);
    const worker = await TestWorker.start(origin, A);
    origin.isOnline = true;
    await worker.fireSync('workbox-background-sync:updraft@/a/');
    expect(await databases()).not.toContain('updraft@/a/ settings');
    await worker.put('x', 'settings');
    await worker.put('y');
    expect([await idsOf(worker, 'settings'), await idsOf(worker)]).toEqual([['x'], ['y']]);
    for (const name of ['updraft:settings', 'updraft:ana'])
      expect(await readForeign(name)).toEqual([3, ['settings'], 'dark']);
  });
  test('under the name of a replica is refused with an explanation, and left alone', async () => {
    await makeForeign('updraft@/a/ ana');
    const worker = await TestWorker.start(origin, A);
    await expect(worker.put('x')).rejects.toMatchObject({
      kind: 'storage',
      message: expect.stringContaining('another script'),
    });
    await expect(worker.put('x')).rejects.toMatchObject({
      kind: 'storage',
      message: expect.stringContaining('left alone'),
    });
    expect(await readForeign('updraft@/a/ ana')).toEqual([3, ['settings'], 'dark']);
  });
});

describe('case B12: a replica from before apps had names', () => {
  test('is taken over with unsent work, mirror, wake-up rows and tags, and sent', async () => {
    const replicaId = await leaveOld('ana', ['x', 'y']);
    const worker = await TestWorker.start(origin, A);
    origin.isOnline = true;
    // The tag that the earlier version has registered.
    await expect(worker.fireSync('workbox-background-sync:updraft')).rejects.toThrow('work left');
    expect(await queues(), 'its row is not made twice').toEqual(['updraft']);
    expect((await worker.ask({ type: 'status' })).replicaId).toBe(replicaId);
    await worker.ask(SIGN_IN);
    await worker.ask({ type: 'sync' });
    expect(sent()).toEqual(['x', 'y']);
    expect(origin.exchanges.every((request) => request.replicaId === replicaId)).toBe(true);
    expect(await databases()).toEqual(['updraft:ana', 'workbox-background-sync']);
    expect(await queues()).toEqual([]);
    origin.isOnline = false;
    await worker.put('z');
    expect(await queues()).toEqual(['updraft@/a/']);
  });
  test('belongs to the first app that opens the replica', async () => {
    const replicaId = await leaveOld('ana', ['x']);
    const [b, a] = [await TestWorker.start(origin, B), await TestWorker.start(origin, A)];
    const ids = await Promise.all([b.ask({ type: 'status' }), a.ask({ type: 'status' })]);
    expect(ids.map((status) => status.replicaId === replicaId)).toEqual([true, false]);
    expect([await idsOf(b), await idsOf(a)]).toEqual([['x'], []]);
    // Either app may start next.
    const again = [await TestWorker.start(origin, A), await TestWorker.start(origin, B)];
    expect(
      await Promise.all(
        again.map(async (worker) => (await worker.ask({ type: 'status' })).replicaId),
      ),
    ).toEqual(ids.map((status) => status.replicaId).toReversed());
  });
});

describe('case B12: an old replica with a defect', () => {
  test('a lost database is restored from its mirror, by one app alone', async () => {
    const replicaId = await leaveOld('ana', ['x'], ['mirror']);
    const [a, b] = [await TestWorker.start(origin, A), await TestWorker.start(origin, B)];
    expect((await a.ask({ type: 'status' })).replicaId).toBe(replicaId);
    expect(await idsOf(a)).toEqual(['x']);
    expect((await b.ask({ type: 'status' })).replicaId).not.toBe(replicaId);
    expect(await idsOf(b)).toEqual([]);
  });
  test('taken over and then lost, is restored for its own app only', async () => {
    const replicaId = await leaveOld('ana', ['x']);
    const a = await TestWorker.start(origin, A);
    await a.put('y');
    await vi.waitUntil(() => mirroredAs('updraft:ana').includes('"id":"y"'), { timeout: 5_000 });
    Object.assign(origin, { indexedDB: new TestOrigin().indexedDB });
    const b = await TestWorker.start(origin, B);
    expect((await b.ask({ type: 'status' })).replicaId).not.toBe(replicaId);
    const again = await TestWorker.start(origin, A);
    expect((await again.ask({ type: 'status' })).replicaId).toBe(replicaId);
    expect(await idsOf(again)).toEqual(['x', 'y']);
  });
});

describe('case B12: an old replica beside a new replica', () => {
  test('is taken over again after an earlier version ran, if the new one is idle', async () => {
    const first = await TestWorker.start(origin, A);
    await first.put('new');
    const replicaId = await leaveOld('ana', ['of the rollback']);
    const busy = await TestWorker.start(origin, A);
    expect(await idsOf(busy)).toEqual(['new']);
    await busy.ask(SIGN_IN);
    origin.isOnline = true;
    await busy.ask({ type: 'sync' });
    await vi.waitUntil(() => mirroredAs('updraft@/a/ ana').includes('"unsent":0'), {
      timeout: 5_000,
    });
    const idle = await TestWorker.start(origin, A);
    expect((await idle.ask({ type: 'status' })).replicaId).toBe(replicaId);
    await idle.ask(SIGN_IN);
    await idle.ask({ type: 'sync' });
    expect(sent()).toEqual(['new', 'of the rollback']);
    // Workers that had the new replica open meet the old replica, too.
    expect((await busy.ask({ type: 'status' })).replicaId).toBe(replicaId);
  });
  test('does not replace a lost new replica whose mirror holds unsent work', async () => {
    const first = await TestWorker.start(origin, A);
    await first.put('new');
    const { replicaId } = await first.ask({ type: 'status' });
    await vi.waitUntil(() => mirroredAs('updraft@/a/ ana').includes('"id":"new"'), {
      timeout: 5_000,
    });
    Object.assign(origin, { indexedDB: new TestOrigin().indexedDB });
    await leaveOld('ana', ['of the rollback']);
    const worker = await TestWorker.start(origin, A);
    expect((await worker.ask({ type: 'status' })).replicaId).toBe(replicaId);
    expect(await idsOf(worker)).toEqual(['new']);
  });
});

describe('case B12: an old replica, and the sync event', () => {
  test('that cannot be inspected fails the sync event, so that the browser retries', async () => {
    await leaveOld('ana', ['x']);
    const worker = await TestWorker.start(origin, A);
    const broken = vi.spyOn(origin.indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('Internal error', 'UnknownError');
    });
    await expect(worker.fireSync('workbox-background-sync:updraft@/a/')).rejects.toThrow(
      'work left',
    );
    broken.mockRestore();
    expect(await idsOf(worker)).toEqual(['x']);
  });
  test('of another app is not drained', async () => {
    await leaveOld('ana', ['x']);
    const a = await TestWorker.start(origin, A);
    await a.ask(SIGN_IN);
    const b = await TestWorker.start(origin, B);
    origin.isOnline = true;
    await b.fireSync('workbox-background-sync:updraft@/b/');
    expect(sent()).toEqual([]);
    await a.ask({ type: 'sync' });
    expect(sent()).toEqual(['x']);
  });
});

describe('a page of another version than the worker', () => {
  const capture = {
    type: 'capture',
    requestId: 'q',
    collection: 'asks',
    change: { op: 'put', value: { id: 'x' } },
  } as const;
  const unheardOf = { type: 'levitate' } as unknown as Question;

  test.each([MESSAGES_FLOOR, MESSAGES_VERSION + 1])(
    'captures and reads as before (%i): each message known to both is served',
    async (version) => {
      const worker = await TestWorker.start(origin, A);
      expect(await worker.ask(capture, 'ana', version)).toMatchObject({ id: 'x', settled: false });
      expect((await worker.ask(EVERYTHING, 'ana', version)).map(({ id }) => id)).toEqual(['x']);
    },
  );
  test('older than supported, is told to reload, and nothing is stored', async () => {
    const worker = await TestWorker.start(origin, A);
    await expect(worker.ask(capture, 'ana', MESSAGES_FLOOR - 1)).rejects.toMatchObject({
      kind: 'reload-needed',
    });
    expect(await idsOf(worker)).toEqual([]);
  });
  test('newer, with an unknown command, is told to reload; now it is a bad message', async () => {
    const worker = await TestWorker.start(origin, A);
    await expect(worker.ask(unheardOf, 'ana', MESSAGES_VERSION + 1)).rejects.toMatchObject({
      kind: 'reload-needed',
    });
    await expect(worker.ask(unheardOf)).rejects.toMatchObject({ kind: 'bad-message' });
  });
});

describe('resolvers of conflicts', () => {
  test('one that is no function is refused, and nothing is captured', async () => {
    vi.spyOn(console, 'error').mockReturnValue(undefined);
    const worker = await TestWorker.start(origin, A, { resolvers: { asks: 'mine' } });
    await expect(worker.ask(EVERYTHING)).rejects.toMatchObject({
      kind: 'bad-option',
      message: expect.stringContaining('"resolvers" must hold functions, and "asks" is none'),
    });
  });

  test('one of a collection that there is not is told, with the likely name', async () => {
    const logged = vi.spyOn(console, 'error').mockReturnValue(undefined);
    const worker = await TestWorker.start(origin, A, { resolvers: { ask: () => undefined } });
    expect(await idsOf(worker)).toEqual([]);
    expect(logged.mock.calls).toEqual([
      [expect.stringMatching(/a resolver of "ask", .* no such collection\. Did you mean "asks"\?/)],
    ]);
  });
});
