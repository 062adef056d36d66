import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import type { Command } from '../../shared/messages.ts';
import { TestReplica } from '../testing/test-replica.ts';
import { readBatch, TestServer } from '../testing/test-server.ts';

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

/** Everything that a page can read, as text. */
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

/** Everything of the user in the database, as text. */
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

  test('removes everything sent, and lets nobody read the rest', async () => {
    expect(await everythingReadable()).not.toContain('of ana');
    const stored = await everythingStored();
    expect(stored).toContain('unsent');
    expect(stored).not.toContain('"sent"');
    expect(device.mirrored?.records.map(({ id }) => id)).toEqual(['unsent']);
    expect(await device.status()).toMatchObject({ unsent: 1, auth: 'required', locked: true });
  });
  test('lets nobody change, resolve, discard or send the work', async () => {
    const name = { requestId: 'q', collection: 'asks', id: 'unsent' } as const;
    expect(await device.refusal({ type: 'discard', ...name })).toBe('signed-out');
    expect(
      await device.refusal({
        type: 'capture',
        requestId: 'c',
        collection: 'asks',
        change: { op: 'patch', id: 'unsent', set: { a: 1 }, removed: [] },
      }),
    ).toBe('signed-out');
    expect(
      await device.refusal({
        type: 'retry',
        requestId: 'r',
        letter: { kind: 'mutation', collection: 'asks', id: 'unsent' },
      }),
    ).toBe('signed-out');
    device.isOnline = true;
    await device.sync();
    expect(server.batches.flatMap(readBatch).map(({ id }) => id)).toEqual(['sent']);
  });
  test('a sign-in alone shows nothing; after Airflow’s answer all is shown and sent', async () => {
    await device.restart();
    device.transport = {
      carriesPrivate: true,
      exchange: async () => ({ kind: 'retry', for: 'network' }),
    };
    await device.signIn();
    await device.sync();
    expect(await everythingReadable()).not.toContain('of ana');
    device.transport = server.transport;
    device.isOnline = true;
    await device.sync();
    await device.sync();
    expect(server.batches.flatMap(readBatch).map(({ id }) => id)).toEqual(['sent', 'unsent']);
    expect(await device.ask({ type: 'get', collection: 'asks', id: 'unsent' })).toMatchObject({
      value: { secret: 'of ana' },
    });
    expect((await device.status()).locked).toBeUndefined();
  });
  test('somebody else’s session shows nothing and sends nothing', async () => {
    device.transport = {
      carriesPrivate: true,
      exchange: async () => ({ kind: 'sign-in', reason: 'other-user' }),
    };
    await device.signIn();
    device.isOnline = true;
    await device.sync();
    expect(await everythingReadable()).not.toContain('of ana');
    expect(await device.status()).toMatchObject({ unsent: 1, locked: true, auth: 'required' });
  });
});

describe('case B8: fault 61: while she is signed out, with unsent work that is kept', () => {
  beforeEach(async () => void (await device.ask({ type: 'sign-out', unsent: 'keep' })));
  const NAMED = { requestId: 'q', collection: 'asks' } as const;
  const writes: readonly Command[] = [
    { type: 'capture', ...NAMED, change: { op: 'put', value: { id: 'new' } } },
    { type: 'capture', ...NAMED, change: { op: 'add', value: { id: 'new' } } },
    { type: 'capture', ...NAMED, change: { op: 'delete', id: 'sent' } },
    { type: 'capture', ...NAMED, change: { op: 'increment', id: 'unsent', by: { n: 1 } } },
    { type: 'resolve', requestId: 'q', conflictId: 'any', theirsRevision: 1, choices: {} },
    { type: 'discard', ...NAMED, id: 'unsent' },
    {
      type: 'retry',
      requestId: 'q',
      letter: { kind: 'mutation', collection: 'asks', id: 'unsent' },
    },
    { type: 'retry-call', requestId: 'q', id: 'any' },
    { type: 'discard-call', requestId: 'q', id: 'any' },
    { type: 'sign-out', unsent: 'discard' },
    { type: 'sign-out', unsent: 'refuse' },
  ];
  test.each(writes.map((command) => [JSON.stringify(command), command] as const))(
    'a page that names her is refused: %s',
    async (_name, command) => {
      const before = await everythingStored();
      await expect(device.ask(command)).rejects.toMatchObject({
        kind: 'signed-out',
        message: expect.stringContaining('Sign in as ana'),
      });
      expect(await everythingStored()).toBe(before);
      expect(await device.status()).toMatchObject({ unsent: 1, locked: true });
    },
  );
  test('also after a restart, and from the mirror of a database that is lost', async () => {
    await (await device.open()).mirror.flush();
    await device.restart();
    device.indexedDB = new IDBFactory();
    expect(
      await device.refusal({
        type: 'capture',
        ...NAMED,
        change: { op: 'put', value: { id: 'new' } },
      }),
    ).toBe('signed-out');
    expect(await device.refusal({ type: 'sign-out', unsent: 'discard' })).toBe('signed-out');
    expect(device.mirrored?.records.map(({ id }) => id)).toEqual(['unsent']);
  });
  test('her sign-in alone allows nothing; after Airflow’s answer all is as before', async () => {
    await device.signIn();
    expect(
      await device.refusal({
        type: 'capture',
        ...NAMED,
        change: { op: 'put', value: { id: 'early' } },
      }),
    ).toBe('signed-out');
    expect(await device.refusal({ type: 'sign-out', unsent: 'discard' })).toBe('signed-out');
    device.isOnline = true;
    await device.sync();
    await device.put('new');
    await device.sync();
    expect(server.batches.flatMap(readBatch).map(({ id }) => id)).toEqual([
      'sent',
      'unsent',
      'new',
    ]);
  });
  test('after another sign-out by anybody her work stays hers', async () => {
    await device.ask({ type: 'sign-out', unsent: 'keep' });
    expect(await device.status()).toMatchObject({ unsent: 1, locked: true });
    expect(await device.refusal({ type: 'sign-out', unsent: 'discard' })).toBe('signed-out');
  });
});

describe('case B8: capture asks nobody where nobody has signed out', () => {
  test('before a user’s first sign-in, without a network', async () => {
    const first = new TestReplica('new');
    await first.put('x');
    expect(await first.status()).toMatchObject({ unsent: 1 });
    await first.ask({ type: 'sign-out', unsent: 'discard' });
  });
  test('with a session that is over', async () => {
    device.isOnline = true;
    device.transport = {
      carriesPrivate: true,
      exchange: async () => ({ kind: 'sign-in', reason: 'refused' }),
    };
    await device.sync();
    await device.put('more');
    expect(await device.status()).toMatchObject({ unsent: 2, auth: 'required' });
  });
  test('after a sign-out without work the next sign-out leaves nothing', async () => {
    device.isOnline = true;
    await device.sync();
    await device.ask({ type: 'sign-out', unsent: 'keep' });
    expect(
      await device.refusal({
        type: 'capture',
        requestId: 'q',
        collection: 'asks',
        change: { op: 'put', value: { id: 'new' } },
      }),
    ).toBe('signed-out');
    await device.ask({ type: 'sign-out', unsent: 'discard' });
    await device.restart();
    await device.put('new');
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
      const change = {
        collection: 'asks',
        id: 'late',
        revision: 99,
        record: { id: 'late', secret: 'of ana' },
      };
      return {
        kind: 'settle',
        response: { ...response, changes: [change], upTo: 99 },
        via: 'plugin',
      };
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
  const notices = (): unknown[] =>
    device.broadcasts.flatMap((message) => ('notice' in message ? [message.notice] : []));
  test('to show its data no longer', async () => {
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
    const removing = vi
      .spyOn(credentials, 'signIn')
      .mockRejectedValueOnce(new UpdraftError('storage', 'closed'));
    await device.ask({ type: 'sign-out', unsent });
    expect(removing).toHaveBeenCalledTimes(1);
    removing.mockRestore();
    expect(notices()).toEqual([notice]);
  });
  test('nothing when the sign-out was refused', async () => {
    expect(await device.refusal({ type: 'sign-out', unsent: 'refuse' })).toBe('unsent-work');
    expect(notices()).toEqual([]);
    await (await device.open()).mirror.flush();
    expect(device.mirrored).toMatchObject({ unsent: 1 });
  });
});
