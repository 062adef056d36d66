import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
import type { DeadLetter } from '../../shared/row.ts';
import { rowsOf } from '../simulation/raw-rows.ts';
import { plantRows } from '../testing/plant-rows.ts';
import { TestReplica } from '../testing/test-replica.ts';
import { TestServer } from '../testing/test-server.ts';
import { MIRROR_CHARS_MAX } from './mirror.ts';

let device: TestReplica;
let server: TestServer;
beforeEach(async () => {
  device = new TestReplica();
  server = new TestServer();
  device.transport = server.transport;
  await device.signIn();
});

/** Overwrites a part of the record's row, and lets a page meet the row. */
async function damage(id: string, part: object): Promise<void> {
  const row = (await rowsOf(device.indexedDB, 'ana', 'records')).find(
    (one) => 'id' in one && one.id === id,
  );
  await plantRows(device.indexedDB, 'ana', 'records', [{ ...row, ...part }]);
  await device.ask({ type: 'get', collection: 'asks', id });
}
/** The worker stops when the mirror has caught up; the next worker finds no database. */
async function lose(): Promise<void> {
  await (await device.open()).mirror.flush();
  await device.restart();
  device.indexedDB = new IDBFactory();
}
const letters = (): Promise<readonly DeadLetter[]> => device.ask({ type: 'dead-letters' });
const retry = (quarantined: number): Promise<string> =>
  device.refusal({
    type: 'retry',
    requestId: device.name(),
    letter: { kind: 'mutation', collection: 'asks', id: 'x', quarantined },
  });
const quarantinedTold = (): number =>
  device.events.filter(({ type }) => type === 'quarantined').length;

describe('fault 74: the unsent change of a damaged row survives a lost database', () => {
  test('it is a dead letter again, unsent, and can be retried', async () => {
    await device.put('x', { n: 1, note: 'what Ana wrote' });
    await damage('x', { revision: 'high' });
    await device.sync();
    expect(quarantinedTold()).toBe(1);
    await lose();
    expect(await device.status()).toMatchObject({
      unsent: 1,
      deadLetters: 1,
      quarantined: 1,
      storageLost: { unsent: 1, restored: 1, calls: 0 },
    });
    expect(await letters()).toMatchObject([
      { id: 'x', change: { set: { n: 1, note: 'what Ana wrote' } }, reason: { kind: 'damaged' } },
    ]);
    expect(await device.refusal({ type: 'sign-out', unsent: 'refuse' })).toBe('unsent-work');
    expect(await retry(1)).toBe('none');
    device.isOnline = true;
    await device.sync();
    await device.sync();
    expect(quarantinedTold(), 'told once').toBe(1);
    expect(server.batches.join()).toContain('what Ana wrote');
    expect(await device.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
  });

  test('a row that no index holds any more is in the mirror once a query has met it', async () => {
    await device.put('x', { note: 'what Ana wrote' });
    const [row] = await rowsOf(device.indexedDB, 'ana', 'records');
    const unindexed = { sendable: {}, unsettled: {} };
    await plantRows(device.indexedDB, 'ana', 'records', [{ ...row, ...unindexed }]);
    await device.put('y', { n: 1 });
    await (await device.open()).mirror.flush();
    await device.ask({ type: 'get', collection: 'asks', id: 'x' });
    await lose();
    expect(await letters()).toMatchObject([
      { id: 'x', change: { set: { note: 'what Ana wrote' } }, reason: { kind: 'damaged' } },
    ]);
    expect(await device.status()).toMatchObject({ unsent: 2, storageLost: { restored: 2 } });
  });

  test('a row that only the writing of the mirror has met is in that mirror', async () => {
    await device.put('x', { note: 'what Ana wrote' });
    await (await device.open()).mirror.flush();
    const rows = await rowsOf(device.indexedDB, 'ana', 'records');
    await plantRows(
      device.indexedDB,
      'ana',
      'records',
      rows.map((row) => ({ ...row, revision: 'high' })),
    );
    await device.put('y', { n: 1 });
    await lose();
    expect(await device.status()).toMatchObject({ unsent: 2, storageLost: { restored: 2 } });
    expect(await letters()).toMatchObject([
      { id: 'x', change: { set: { note: 'what Ana wrote' } } },
    ]);
  });

  test('values that JSON does not have come back as texts, and are not sent', async () => {
    await device.put('x', { n: 1 });
    const when = new Date(0);
    const net = { kind: 'edit', set: { note: 'what Ana wrote', when }, removed: [], inc: {} };
    await damage('x', { pending: { net, firstSeq: 1, lastSeq: 1 } });
    await device.put('y', { n: 1 });
    await lose();
    expect(await letters()).toMatchObject([
      { id: 'x', change: { set: { note: 'what Ana wrote' } } },
    ]);
    expect(await retry(1)).toBe('storage');
    expect(await device.status()).toMatchObject({ unsent: 2 });
    await device.ask({ type: 'discard-quarantined', requestId: device.name(), number: 1 });
    expect(await device.status()).toMatchObject({ unsent: 1 });
  });

  test('a row that holds itself is told as lost, and costs the other rows nothing', async () => {
    await device.put('x', { n: 1 });
    const knot: Record<string, unknown> = {};
    Object.assign(knot, { one: knot, other: knot });
    await damage('x', { revision: knot });
    await device.put('y', { n: 1 });
    await lose();
    expect(await device.status()).toMatchObject({ storageLost: { unsent: 2, restored: 1 } });
    expect((await device.ask({ type: 'outbox' })).map(({ id }) => id)).toEqual(['y']);
  });

  test('rows that do not fit are counted as lost', async () => {
    const note = 'x'.repeat(60_000);
    for (let n = 0; n < 3; n++) await device.put(`r${n}`, { note });
    for (let n = 0; n < 3; n++)
      await damage(`r${n}`, { revision: 'x'.repeat(MIRROR_CHARS_MAX / 2 - 150_000) });
    await device.put('y', { n: 1 });
    await lose();
    expect((await device.status()).storageLost).toMatchObject({ unsent: 4, restored: 3 });
  });

  test('without a replica row, rows that are still in quarantine are there once', async () => {
    await device.put('x', { n: 1 });
    await damage('x', { revision: 'high' });
    await device.put('y', { n: 1 });
    await (await device.open()).mirror.flush();
    await device.restart();
    const [row] = await rowsOf(device.indexedDB, 'ana', 'replica');
    await plantRows(device.indexedDB, 'ana', 'replica', [{ ...row, key: 'replica', seq: 'many' }]);
    expect(await device.status()).toMatchObject({ unsent: 2, deadLetters: 1 });
  });

  test('a damaged row that no mirror has met since comes back as it was', async () => {
    await device.put('x', { n: 1 });
    await (await device.open()).mirror.flush();
    const [row] = await rowsOf(device.indexedDB, 'ana', 'records');
    await plantRows(device.indexedDB, 'ana', 'records', [{ ...row, revision: 'high' }]);
    await lose();
    expect(await device.status()).toMatchObject({ unsent: 1, deadLetters: 0 });
    expect((await device.ask({ type: 'outbox' })).map(({ id }) => id)).toEqual(['x']);
  });

  test('a mirror of an earlier version restores what it has', async () => {
    await device.put('x', { n: 1 });
    await lose();
    const { damaged: _, ...earlier } = device.mirrored ?? never();
    device.mirrored = earlier as NonNullable<typeof device.mirrored>;
    expect(await device.status()).toMatchObject({ unsent: 1, storageLost: { restored: 1 } });
  });
});

function never(): never {
  throw new Error('there is no mirror');
}
