import { describe, expect, test } from 'vitest';
import type { Conflict } from '../shared/conflict.ts';
import { UpdraftError } from '../shared/errors.ts';
import { testUpdraft } from './index.ts';

interface Ask {
  id: string;
  status: string;
  note?: string;
  visits?: number;
}
interface Collections {
  asks: Ask;
  sites: { id: string; name: string };
}
const schema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    status: { enum: ['ok', 'watch', 'fail'] },
    note: { type: 'string' },
    visits: { type: 'integer' },
  },
  required: ['id', 'status'],
  additionalProperties: false,
};
const collections = {
  version: 1,
  collections: {
    asks: { schema, indexes: ['status'] },
    sites: { schema: {}, write: 'none' },
  },
};
const start = (options: object = {}): ReturnType<typeof testUpdraft<Collections>> =>
  testUpdraft<Collections>({ collections, ...options });
const ask = (id: string): Ask => ({ id, status: 'ok' });

test('a change saved without a network waits, and reaches the server later', async () => {
  const { updraft, offline, online, server } = await start();
  offline();
  const { settled } = await updraft.collection('asks').put(ask('a'));
  expect((await updraft.collection('asks').get('a'))?.state).toBe('local');
  expect([server.record('asks', 'a'), (await updraft.status()).unsent]).toEqual([null, 1]);
  await online();
  expect((await settled).verdict).toBe('applied');
  expect(server.record('asks', 'a')).toEqual(ask('a'));
  await updraft.whenSettled();
});

test('without a type of its own a record may have any fields', async () => {
  const { updraft, idle } = await testUpdraft({ collections });
  const asks = updraft.collection('asks');
  await asks.put(ask('a'));
  await idle();
  expect((await asks.get('a'))?.state).toBe('synced');
});

test('a change saved online is sent by itself', async () => {
  const { updraft, idle, server } = await start();
  const { settled } = await updraft.collection('asks').put(ask('a'));
  await idle();
  expect([(await settled).verdict, server.records('asks')]).toEqual(['applied', [ask('a')]]);
});

test('conflictWith() makes a conflict that a person decides', async () => {
  const { updraft, idle, offline, online, conflictWith, server } = await start();
  const asks = updraft.collection('asks');
  await asks.put(ask('a'));
  await idle();
  const told: Conflict[] = [];
  updraft.on('conflict', (conflict) => told.push(conflict));
  offline();
  await asks.patch('a', { status: 'watch', note: 'mine' });
  conflictWith('asks', 'a', { status: 'fail' });
  await online();
  expect(told).toHaveLength(1);
  const [conflict] = await updraft.conflicts();
  if (!conflict) throw new Error('There is no conflict.');
  await updraft.resolve(conflict, { status: { take: 'mine' } });
  await idle();
  expect(server.record('asks', 'a')).toEqual({ id: 'a', status: 'watch', note: 'mine' });
  expect(() => conflictWith('asks', 'nobody', {})).toThrow(/no record "nobody"/);
});

test('refuse() makes a dead letter in these words; without it a retry is taken', async () => {
  const { updraft, idle, refuse, server } = await start();
  const accept = refuse('asks', 'a', 'there is no such site');
  await updraft.collection('asks').put(ask('a'));
  await updraft.collection('asks').put(ask('b'));
  await idle();
  const [letter] = await updraft.deadLetters();
  if (letter?.kind !== 'mutation') throw new Error('Nothing was refused.');
  expect(letter.reason.message).toBe('there is no such site');
  expect(server.records('asks'), 'the other record goes on').toEqual([ask('b')]);
  accept();
  await updraft.retry(letter);
  await idle();
  expect([server.record('asks', 'a'), await updraft.deadLetters()]).toEqual([ask('a'), []]);
});

test('a schema refuses as Airflow does', async () => {
  const { updraft, idle, server } = await start();
  const odd = { id: 'a', status: 'nonsense' };
  const refused = await updraft
    .collection('asks')
    .put(odd)
    .then(
      () => undefined,
      (error: unknown) => (error instanceof UpdraftError ? error.kind : 'other'),
    );
  await idle();
  const letters = (await updraft.deadLetters()).map(({ reason }) => reason.kind);
  expect(refused === undefined ? letters : [refused]).toEqual(['schema']);
  expect(server.records('asks')).toEqual([]);
});

test('what a DAG writes comes with the next sync, and is watched', async () => {
  const { updraft, server } = await start();
  const shown: string[][] = [];
  updraft
    .collection('sites')
    .watch({}, ({ rows }) => shown.push(rows.map(({ value }) => value.name)));
  server.put('sites', { id: 's', name: 'Harbour' });
  await updraft.sync();
  expect((await updraft.collection('sites').get('s'))?.value.name).toBe('Harbour');
  expect(shown.at(-1)).toEqual(['Harbour']);
  server.delete('sites', 's');
  await updraft.sync();
  expect(shown.at(-1)).toEqual([]);
  expect(() => server.put('asks', { id: 'a', status: 'nonsense' })).toThrow(/was not written/);
});

test('increments of two devices at one server add up', async () => {
  const ana = await start();
  await ana.updraft.collection('asks').put({ ...ask('a'), visits: 1 });
  await ana.idle();
  const ben = await start({ user: 'ben', server: ana.server });
  ana.offline();
  ben.offline();
  await ana.updraft.collection('asks').increment('a', { visits: 1 });
  await ben.updraft.collection('asks').increment('a', { visits: 2 });
  await ana.online();
  await ben.online();
  await ana.updraft.sync();
  const rows = [ana, ben].map(({ updraft }) => updraft.collection('asks').get('a'));
  expect((await Promise.all(rows)).map((row) => row?.value.visits)).toEqual([4, 4]);
});

describe('the device', () => {
  test('keeps what is unsent while its worker is stopped', async () => {
    const { updraft, offline, online, restart, server } = await start();
    offline();
    await updraft.collection('asks').put(ask('a'));
    await restart();
    expect((await updraft.collection('asks').get('a'))?.state).toBe('local');
    await online();
    expect(server.record('asks', 'a')).toEqual(ask('a'));
  });
  test('tells every tab', async () => {
    const { updraft, tab, idle } = await start();
    const other = await tab();
    const changed: string[] = [];
    other.on('change', ({ ids }) => changed.push(...ids));
    await updraft.collection('asks').put(ask('a'));
    await idle();
    expect(changed).toContain('a');
    await updraft.signOut();
    expect((await other.collection('asks').query()).length).toBe(0);
  });
  test('tells a status while its time stands still', async () => {
    const { updraft, offline } = await start();
    const told = new Promise<void>((resolve) =>
      updraft.on('status', ({ unsent }) => unsent === 1 && resolve()),
    );
    offline();
    await updraft.collection('asks').put(ask('a'));
    await told;
  });
  test('has its time from the test', async () => {
    const now = Date.parse('2030-05-05T00:00:00Z');
    const { updraft, offline, advance } = await start({ now });
    offline();
    await updraft.collection('asks').put(ask('a'));
    expect((await updraft.status()).oldestAt).toBe(now);
    await advance(60_000);
    await updraft.collection('asks').put(ask('b'));
    const [entry] = await updraft.history({ kind: 'delivery' } as never).catch(() => []);
    expect(entry === undefined || entry.at >= now).toBe(true);
  });
  test('tries again when its backoff is over', async () => {
    const { updraft, idle, outage, advance, server } = await start();
    const over = outage();
    await updraft.collection('asks').put(ask('a'));
    await idle();
    const { waiting } = await updraft.status();
    expect([waiting?.for, waiting?.failures]).toEqual(['airflow', 1]);
    over();
    await idle();
    expect(server.record('asks', 'a')).toBeNull();
    await advance(5 * 60_000);
    expect(server.record('asks', 'a')).toEqual(ask('a'));
  });
});
