import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
import { MIRROR_CHARS_MAX } from './mirror/mirror.ts';
import { TestReplica } from './testing/test-replica.ts';
import { readBatch, TestServer } from './testing/test-server.ts';

let device: TestReplica;
let server: TestServer;
beforeEach(async () => {
  device = new TestReplica();
  server = new TestServer();
  device.transport = server.transport;
  await device.signIn();
});

/** The worker stops when the mirror has caught up; the next worker finds no database. */
async function lose(): Promise<void> {
  await (await device.open()).mirror.flush();
  await device.restart();
  device.indexedDB = new IDBFactory();
}
const firstSync = async (): Promise<void> => {
  device.isOnline = true;
  await device.sync();
};
const sent = (): readonly string[] => server.batches.flatMap(readBatch).map(({ id }) => id);
const told = (): unknown[] =>
  device.events.flatMap((event) => (event.type === 'storage-lost' ? [event.loss] : []));

describe('fault 9: a database that comes back empty', () => {
  test('is noticed; unsent work is restored, told once, and sent', async () => {
    await device.put('x', { n: 1 });
    await device.capture({ op: 'increment', id: 'x', by: { n: 2 } });
    await device.capture({ op: 'delete', id: 'nothing' });
    await lose();
    expect(await device.status()).toMatchObject({
      unsent: 1,
      storageLost: { unsent: 1, restored: 1, at: device.now },
    });
    expect(await device.ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
      value: { n: 3 },
      state: 'local',
    });
    await firstSync();
    await device.sync();
    expect(sent()).toEqual(['x']);
    expect(told()).toEqual([{ unsent: 1, restored: 1, calls: 0, at: device.now }]);
    await device.restart();
    await device.sync();
    expect(told()).toHaveLength(1);
  });

  test('keeps conflicts, dead letters and answers that a page may ask for again', async () => {
    server = new TestServer(({ collection, id }) => ({
      verdict: 'rejected',
      collection,
      id,
      revision: 0,
      record: null,
      reason: { kind: 'schema', message: 'no' },
    }));
    device.transport = server.transport;
    await device.put('refused');
    await firstSync();
    const once = {
      type: 'capture',
      requestId: 'once',
      collection: 'asks',
      change: { op: 'put', value: { id: 'n', n: 1 } },
    } as const;
    const answer = await device.ask(once);
    await lose();
    expect(await device.ask({ type: 'dead-letters' })).toMatchObject([
      { id: 'refused', reason: { message: 'no' }, attempts: 1 },
    ]);
    expect(await device.ask(once)).toEqual(answer);
  });

  test('resends a batch whose answer was lost with the same number, nonce and bytes', async () => {
    await firstSync();
    device.transport = {
      carriesPrivate: true,
      exchange: async ({ request }) => (server.answer(request), { kind: 'retry', for: 'network' }),
    };
    await device.put('x', { n: 1 });
    await device.sync();
    await lose();
    device.transport = server.transport;
    await device.sync();
    expect(server.batches).toHaveLength(2);
    expect(server.batches[1]).toBe(server.batches[0]);
    expect((await device.status()).unsent).toBe(0);
  });

  test('with nothing unsent is told, and reads everything again', async () => {
    await device.put('x');
    await firstSync();
    await lose();
    expect(await device.status()).toMatchObject({
      unsent: 0,
      ready: false,
      storageLost: { unsent: 0, restored: 0 },
    });
  });

  test('is noticed while the worker runs, and the page’s next request goes on', async () => {
    await device.put('x');
    await (await device.open()).mirror.flush();
    await (await device.open()).world.store.write((tx) => tx.wipe());
    expect(await device.refusal({ type: 'status' })).toContain('emptied');
    await device.restart();
    expect(await device.status()).toMatchObject({ unsent: 1, storageLost: { restored: 1 } });
  });
});

describe('fault 9: a database that falls back to an earlier state', () => {
  /** The state that the database falls back to, by the name of its factory. */
  async function fallBack(capture: () => Promise<unknown>): Promise<void> {
    const earlier = await (
      await device.open()
    ).world.store.read(async (tx) => ({
      replica: await tx.replica(),
      records: await tx.unsettled(),
    }));
    await capture();
    await (await device.open()).mirror.flush();
    await device.restart();
    await (await device.open()).close();
    const { world } = await device.open();
    await device.restart();
    await world.store.write(async (tx) => {
      await tx.empty();
      await tx.putRecords(earlier.records);
      await tx.putReplica(earlier.replica);
    });
  }

  test('gets back the forgotten changes', async () => {
    await device.put('x', { n: 1 });
    await fallBack(() => device.put('y', { n: 2 }));
    expect(await device.status()).toMatchObject({
      unsent: 2,
      storageLost: { unsent: 2, restored: 2 },
    });
  });

  test('does not resend changes settled since', async () => {
    await device.put('x', { n: 1 });
    await fallBack(async () => {
      await firstSync();
      await device.put('y', { n: 2 });
      await device.sync();
    });
    expect(sent()).toEqual(['x', 'y']);
    await device.sync();
    await device.sync();
    expect(sent()).toEqual(['x', 'y']);
    expect((await device.status()).unsent).toBe(0);
  });
});

test(
  'fault 9: work beyond the mirror’s limit is counted, and told as lost',
  { timeout: 30_000 },
  async () => {
    const note = 'x'.repeat(60_000);
    const count = Math.ceil(MIRROR_CHARS_MAX / (2 * note.length)) + 3;
    for (let n = 0; n < count; n++) await device.put(`r${n}`, { note });
    await lose();
    const { storageLost } = await device.status();
    expect(storageLost?.unsent).toBe(count);
    expect(storageLost?.restored).toBeGreaterThan(5);
    expect(storageLost?.restored).toBeLessThan(count);
  },
);

describe('no loss is told', () => {
  test('in a new browser profile', async () => {
    expect((await new TestReplica().status()).storageLost).toBeUndefined();
  });
  test('when the mirror is a moment behind', async () => {
    await device.put('x');
    await (await device.open()).mirror.flush();
    const behind = device.mirrored;
    await device.put('y');
    await (await device.open()).mirror.flush();
    await device.restart();
    device.mirrored = behind;
    expect((await device.status()).storageLost).toBeUndefined();
  });
  test('after a sign-out that discarded unsent work, wherever the worker stopped', async () => {
    await device.put('x');
    await device.ask({ type: 'sign-out', unsent: 'discard' });
    expect(device.mirrored).toBeUndefined();
    await device.restart();
    expect(await device.status()).toMatchObject({ unsent: 0 });
    expect((await device.status()).storageLost).toBeUndefined();
  });
  test('for a mirror that is corrupt, or another user’s', async () => {
    await device.put('x');
    await (await device.open()).mirror.flush();
    const whole = device.mirrored;
    for (const content of [
      null,
      'text',
      {},
      { ...whole, version: 9 },
      { ...whole, records: [{ id: 7 }] },
      { ...whole, replica: { ...whole?.replica, user: 'ben' } },
    ]) {
      const other = new TestReplica();
      other.mirrored = content as typeof whole;
      expect(await other.status()).toMatchObject({ unsent: 0 });
    }
  });
});
