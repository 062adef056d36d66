import { beforeEach, describe, expect, test } from 'vitest';
import type { DeadLetter } from '../../shared/row.ts';
import type { Verdict } from '../../shared/verdict.ts';
import { readBatch, TestServer } from '../testing/test-server.ts';
import { TestReplica } from '../testing/test-replica.ts';

const REASON = {
  kind: 'schema',
  message: "'excellent' is not one of ['ok', 'watch', 'fail']",
  path: 'status',
};

let device: TestReplica;
let server: TestServer;
beforeEach(async () => {
  device = new TestReplica();
  server = new TestServer((mutation, revision): Verdict => {
    const { collection, id } = mutation;
    const record = mutation.op === 'delete' ? { id, status: 'ok' } : null;
    return mutation.set?.['status'] === 'excellent' || mutation.op === 'delete'
      ? {
          verdict: 'rejected',
          collection,
          id,
          revision: mutation.baseRevision,
          record,
          reason: REASON,
        }
      : { verdict: 'applied', collection, id, revision };
  });
  device.transport = server.transport;
  device.isOnline = true;
  await device.signIn();
  await device.sync();
});

const letters = (): Promise<readonly DeadLetter[]> => device.ask({ type: 'dead-letters' });
const retry = (
  id: string,
  edit: { set?: object; removed?: string[] } = {},
  requestId = device.name(),
): Promise<string> =>
  device.refusal({
    type: 'retry',
    requestId,
    letter: { kind: 'mutation', collection: 'asks', id },
    ...edit,
  });
async function refuse(id = 'x'): Promise<void> {
  await device.put(id, { status: 'excellent', site: 'A7' });
  await device.sync();
}

test('a refused change is kept with request, server’s words, time and attempts', async () => {
  await refuse();
  expect(await letters()).toEqual([
    {
      kind: 'mutation',
      collection: 'asks',
      id: 'x',
      change: { op: 'edit', set: { status: 'excellent', site: 'A7' }, removed: [], inc: {} },
      value: { id: 'x', status: 'excellent', site: 'A7' },
      reason: REASON,
      at: device.now,
      attempts: 1,
    },
  ]);
  expect(device.events.filter(({ type }) => type === 'dead-letter')).toMatchObject([
    { deadLetter: { id: 'x', reason: REASON } },
  ]);
});

test('a dead letter outlives the worker; the engine neither removes nor sends it', async () => {
  await refuse();
  const sent = server.batches.length;
  await device.restart();
  for (let round = 0; round < 3; round++) {
    device.now += 365 * 24 * 3_600_000;
    await device.put('other', { n: round });
    await device.sync();
  }
  expect(
    server.batches
      .slice(sent)
      .flatMap(readBatch)
      .map(({ id }) => id),
  ).toEqual(['other', 'other', 'other']);
  expect(await letters()).toHaveLength(1);
});

describe('retry', () => {
  test('sends the change again unchanged; refused again, two attempts are counted', async () => {
    await refuse();
    device.now += 60_000;
    expect(await retry('x')).toBe('none');
    await device.sync();
    expect(await letters()).toMatchObject([{ at: device.now, attempts: 2 }]);
  });
  test('sends the edited change, the rest as captured; applied, the letter is gone', async () => {
    await refuse();
    expect(await retry('x', { set: { status: 'ok' }, removed: ['site'] })).toBe('none');
    await device.sync();
    expect(await letters()).toEqual([]);
    expect(server.batches.flatMap(readBatch).at(-1)).toMatchObject({
      op: 'create',
      set: { status: 'ok' },
    });
    await device.put('x', { status: 'excellent' });
    await device.sync();
    expect(await letters()).toMatchObject([{ attempts: 1 }]);
  });
  test('with a bad edit changes nothing', async () => {
    await refuse();
    expect(await retry('x', { set: { note: 'half \ud800' } })).toBe('not-json');
    expect(await letters()).toMatchObject([{ value: { status: 'excellent' } }]);
  });
  test('of a change that is not refused (any more) throws', async () => {
    expect(await retry('x')).toBe('not-found');
    await refuse();
    await retry('x');
    expect(await retry('x')).toBe('not-found');
  });
  test('repeated under the same request id counts once', async () => {
    await refuse();
    const requestId = device.name();
    expect([await retry('x', {}, requestId), await retry('x', {}, requestId)]).toEqual([
      'none',
      'none',
    ]);
  });
  test('of a refused deletion deletes again; a deletion cannot be edited', async () => {
    await device.put('y', { status: 'ok' });
    await device.sync();
    await device.capture({ op: 'delete', id: 'y' });
    await device.sync();
    expect(await letters()).toMatchObject([{ id: 'y', change: { op: 'delete' } }]);
    expect(await retry('y', { set: { status: 'ok' } })).toBe('not-found');
    expect(await retry('y')).toBe('none');
    await device.sync();
    expect(server.batches.flatMap(readBatch).at(-1)).toMatchObject({ id: 'y', op: 'delete' });
  });
});

test('a discarded change is gone, and the record is Airflow’s', async () => {
  await refuse();
  await device.ask({ type: 'discard', requestId: 'd', collection: 'asks', id: 'x' });
  expect(await letters()).toEqual([]);
  expect((await device.status()).unsent).toBe(0);
});

test('the export is JSON with the whole dead letter', async () => {
  await refuse();
  const exported = JSON.parse(await device.ask({ type: 'export-dead-letters' })) as object;
  expect(exported).toEqual({
    updraft: 'dead-letters',
    version: 1,
    user: 'ana',
    exportedAt: '2026-01-01T00:00:00.000Z',
    deadLetters: await letters(),
  });
});

test(
  'a bad change among 1,000: all others settle, only the bad change waits',
  { timeout: 30_000 },
  async () => {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) =>
        device.put(`r${n}`, { status: n === 500 ? 'excellent' : 'ok' }),
      ),
    );
    await device.sync();
    expect(await device.status()).toMatchObject({
      unsent: 1,
      deadLetters: 1,
      waiting: { for: 'person' },
    });
    expect(await letters()).toMatchObject([{ id: 'r500' }]);
  },
);
