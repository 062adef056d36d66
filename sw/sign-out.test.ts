import { beforeEach, describe, expect, test, vi } from 'vitest';
import { UpdraftError } from '../shared/errors.ts';
import { TestReplica } from './test-replica.ts';
import { readBatch, TestServer } from './test-server.ts';

let device: TestReplica;
let server: TestServer;
beforeEach(async () => {
  device = new TestReplica();
  server = new TestServer();
  device.transport = server.transport;
  await device.signIn();
  device.isOnline = true;
  await device.put('sent', { secret: 'of ana' });
  await device.sync();
  device.isOnline = false;
  await device.put('unsent', { secret: 'of ana' });
});

/** Everything that a page can ask for, as text. */
async function everythingReadable(): Promise<string> {
  const answers = await Promise.all([
    device.ask({ type: 'query', collection: 'asks', query: {} }),
    device.ask({ type: 'get', collection: 'asks', id: 'unsent' }),
    device.ask({ type: 'outbox' }),
    device.ask({ type: 'conflicts' }),
    device.ask({ type: 'dead-letters' }),
    device.ask({ type: 'export-dead-letters' }),
    device.ask({ type: 'wake', reason: 'visible', log: 'older', cursor: 0 }),
  ]);
  return JSON.stringify(answers);
}

/** Everything of the user that lies in the database. */
async function everythingStored(): Promise<string> {
  const { world } = await device.open();
  const rows = await world.store.read(async (tx) => [
    await tx.query('asks', {}),
    await tx.eventsAfter(0),
    await tx.history({}),
    await tx.newestAnswers(9),
    await tx.deliveries(),
  ]);
  return JSON.stringify(rows);
}

describe('fault 38: signing out with unsent work that is kept', () => {
  beforeEach(async () => void (await device.ask({ type: 'sign-out', unsent: 'keep' })));

  test('lets go of all that is sent, and lets nobody read the rest', async () => {
    expect(await everythingReadable()).not.toContain('of ana');
    const stored = await everythingStored();
    expect(stored).toContain('unsent');
    expect(stored).not.toContain('"sent"');
    expect(device.mirrored?.records.map(({ id }) => id)).toEqual(['unsent']);
    expect(await device.status()).toMatchObject({ unsent: 1, auth: 'required', locked: true });
  });
  test('lets nobody change, resolve, discard or send it', async () => {
    const name = { requestId: 'q', collection: 'asks', id: 'unsent' } as const;
    expect(await device.refusal({ type: 'discard', ...name })).toBe('signed-out');
    expect(
      await device.refusal({ type: 'capture', requestId: 'c', collection: 'asks', change: { op: 'patch', id: 'unsent', set: { a: 1 }, removed: [] } }),
    ).toBe('signed-out');
    expect(await device.refusal({ type: 'retry', requestId: 'r', letter: { kind: 'mutation', collection: 'asks', id: 'unsent' } })).toBe('signed-out');
    device.isOnline = true;
    await device.sync();
    expect(server.batches.flatMap(readBatch).map(({ id }) => id)).toEqual(['sent']);
  });
  test('takes new captures, which whoever made them sees', async () => {
    await device.put('new', { n: 1 });
    expect(await everythingReadable()).toContain('"new"');
    expect(await everythingReadable()).not.toContain('of ana');
  });
  test('a sign-in alone shows nothing: Airflow has to answer that user first; then all is shown and sent', async () => {
    await device.restart();
    device.transport = { carriesPrivate: true, exchange: async () => ({ effect: 'retry', for: 'network' }) };
    await device.signIn();
    await device.sync();
    expect(await everythingReadable()).not.toContain('of ana');
    device.transport = server.transport;
    device.isOnline = true;
    await device.sync();
    await device.sync();
    expect(server.batches.flatMap(readBatch).map(({ id }) => id)).toEqual(['sent', 'unsent']);
    expect(await device.ask({ type: 'get', collection: 'asks', id: 'unsent' })).toMatchObject({ value: { secret: 'of ana' } });
    expect((await device.status()).locked).toBeUndefined();
  });
  test('somebody else’s session shows nothing and sends nothing', async () => {
    device.transport = { carriesPrivate: true, exchange: async () => ({ effect: 'sign-in', reason: 'other-user' }) };
    await device.signIn();
    device.isOnline = true;
    await device.sync();
    expect(await everythingReadable()).not.toContain('of ana');
    expect(await device.status()).toMatchObject({ unsent: 1, locked: true, auth: 'required' });
  });
});

test('fault 38: an answer that comes after the sign-out brings nothing back', async () => {
  device.isOnline = true;
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  device.transport = {
    carriesPrivate: true,
    exchange: async ({ request }) => {
      const response = server.answer(request);
      arrive();
      await held;
      const change = { collection: 'asks', id: 'late', revision: 99, record: { id: 'late', secret: 'of ana' } };
      return { effect: 'settle', response: { ...response, changes: [change], upTo: 99 }, via: 'plugin' };
    },
  };
  const syncing = device.sync();
  await arrived;
  await device.ask({ type: 'sign-out', unsent: 'keep' });
  release();
  await syncing;
  expect(await everythingReadable()).not.toContain('of ana');
  expect(await everythingStored()).not.toContain('late');
});

describe('fault 38: every page of the user is told', () => {
  const notices = (): unknown[] => device.broadcasts.flatMap((message) => ('notice' in message ? [message.notice] : []));
  test('that it may no longer show what it has', async () => {
    await device.ask({ type: 'sign-out', unsent: 'keep' });
    expect(notices()).toEqual(['signed-out']);
  });
  test('that nothing is left', async () => {
    await device.ask({ type: 'sign-out', unsent: 'discard' });
    expect(notices()).toEqual(['wiped']);
  });
  test.each([
    ['keep', 'signed-out'],
    ['discard', 'wiped'],
  ] as const)('also where the storage fails once it is done: %s', async (unsent, notice) => {
    const { credentials } = await device.open();
    const removing = vi.spyOn(credentials, 'signIn').mockRejectedValueOnce(new UpdraftError('storage', 'closed'));
    await device.ask({ type: 'sign-out', unsent });
    expect(removing).toHaveBeenCalledTimes(1);
    removing.mockRestore();
    expect(notices()).toEqual([notice]);
  });
  test('of nothing, when it was refused', async () => {
    expect(await device.refusal({ type: 'sign-out', unsent: 'refuse' })).toBe('unsent-work');
    expect(notices()).toEqual([]);
    await (await device.open()).mirror.flush();
    expect(device.mirrored).toMatchObject({ unsent: 1 });
  });
});
