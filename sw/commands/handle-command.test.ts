import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { Captured, ChangeCommand, Command, LoggedEvent } from '../../shared/messages.ts';
import { handleCommand } from './handle-command.ts';
import { openReplica, type OpenReplica } from '../open-replica.ts';
import { NO_CALLS } from '../testing/test-replica.ts';
import { ReplicaStore } from '../store/replica-store.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { World } from '../world.ts';

const DECLARATIONS = readCollections({
  version: 1,
  collections: { asks: { schema: {}, indexes: ['site'] }, sites: { schema: {}, write: 'none' } },
});
let indexedDB: IDBFactory;
let replica: OpenReplica;
let events: LoggedEvent[];
let wakeUps: string[];
let names = 0;

const NETWORK = { kind: 'retry', for: 'network' } as const;

async function start(): Promise<OpenReplica> {
  const world: World = {
    user: 'ana',
    app: '/',
    declarations: DECLARATIONS,
    store: new ReplicaStore('updraft:ana', DECLARATIONS, { indexedDB, IDBKeyRange }),
    mirror: {
      read: async () => undefined,
      write: async () => undefined,
      remove: async () => undefined,
      pause: () => new Promise<void>(() => undefined),
    },
    queue: {
      peek: async () => [],
      push: async (deliveryId) => void wakeUps.push(deliveryId),
      remove: async () => undefined,
      register: async () => true,
    },
    airflow: '/airflow',
    calls: NO_CALLS,
    transport: {
      carriesPrivate: true,
      exchange: async () => ({ kind: 'retry', for: 'network' }),
    },
    clock: { now: () => 0, after: () => () => undefined },
    random: { hex: () => `name${++names}`, fraction: () => 0.5 },
    locks: { exclusive: (_name, body) => body() },
    logger: { error: () => undefined, info: () => undefined, debug: () => undefined },
    durability: async () => 'best-effort',
    isOnline: () => false,
    broadcast: (message) => void ('events' in message && events.push(...message.events)),
  };
  return openReplica(world, {
    authorize: async () => NETWORK,
    unchecked: async () => NETWORK,
    forget: async () => undefined,
    signIn: async () => undefined,
  });
}
beforeEach(async () => {
  indexedDB = new IDBFactory();
  [events, wakeUps] = [[], []];
  replica = await start();
});

const ask = async (command: Command): Promise<unknown> =>
  (await handleCommand(replica, command)).result;
const refusal = (command: Command): Promise<string> =>
  ask(command).then(
    () => 'none',
    (error: unknown) => (error instanceof UpdraftError ? error.kind : String(error)),
  );
const capture = (
  change: ChangeCommand,
  collection = 'asks',
  requestId = `q${++names}`,
): Command => ({ type: 'capture', requestId, collection, change });
const put = (id: string, part: object = {}): Command =>
  capture({ op: 'put', value: { id, ...part } });
const query = (collection: string, part: Record<string, unknown> = {}): Command => ({
  type: 'query',
  collection,
  query: part,
});
/** Makes a record edited by both sides. */
async function conflict(id: string): Promise<void> {
  const base = { id, a: 0 };
  const record: ReplicaRecord = {
    collection: 'asks',
    id,
    base: { id, a: 'theirs' },
    value: { id, a: 'mine' },
    revision: 7,
    generation: 1,
    pending: {
      net: { kind: 'edit', set: { a: 'mine' }, removed: [], inc: {} },
      firstSeq: 1,
      lastSeq: 1,
    },
    mark: { conflictId: `conflict of ${id}`, reason: 'edited', fields: ['a'], base },
  };
  await replica.world.store.write((tx) => tx.putRecords([record]));
}
const resolve = (id: string, requestId: string): Command => ({
  type: 'resolve',
  requestId,
  conflictId: `conflict of ${id}`,
  theirsRevision: 7,
  choices: { a: { take: 'mine' } },
});

describe('an unknown collection', () => {
  test.each(['nobody', 'constructor', 'toString', '__proto__', ''])(
    '%j stores nothing',
    async (collection) => {
      expect(await refusal(capture({ op: 'put', value: { id: 'x' } }, collection))).toBe(
        'unknown-collection',
      );
      expect(await ask({ type: 'outbox' })).toEqual([]);
    },
  );
  test('answers no query', async () => {
    for (const collection of ['nobody', 'constructor'])
      expect(await refusal(query(collection, { index: 'site' }))).toBe('unknown-collection');
    expect(await refusal(query('asks', { index: 'undeclared' }))).toBe('unknown-index');
  });
});

test('a collection written by Airflow alone takes no captures', async () => {
  expect(await refusal(capture({ op: 'put', value: { id: 'x' } }, 'sites'))).toBe('read-only');
});

test('a bad change among many stores nothing and does not stop the others', async () => {
  const results = await Promise.allSettled(
    [put('a'), put(''), capture({ op: 'patch', id: 'nobody', set: {}, removed: [] }), put('b')].map(
      ask,
    ),
  );
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
  expect(((await ask(query('asks'))) as { id: string }[]).map(({ id }) => id)).toEqual(['a', 'b']);
});

describe('a repeated request (lost reply) is answered as before and does nothing twice', () => {
  test('a capture, also by the next worker', async () => {
    await ask(put('x', { n: 0 }));
    const once = capture({ op: 'increment', id: 'x', by: { n: 1 } });
    const first = await ask(once);
    expect(await ask(once)).toEqual(first);
    replica = await start();
    expect(await ask(once)).toEqual(first);
    expect(await ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
      value: { n: 1 },
    });
  });
  test('an add: no “exists”', async () => {
    const once = capture({ op: 'add', value: { id: 'x' } });
    expect(await ask(once)).toEqual(await ask(once));
    expect(await refusal(capture({ op: 'add', value: { id: 'x' } }))).toBe('exists');
  });
  test('a resolution', async () => {
    await conflict('x');
    const first = (await ask(resolve('x', 'q'))) as Captured;
    expect(await ask(resolve('x', 'q'))).toEqual(first);
    expect(await refusal(resolve('x', 'another'))).toBe('not-found');
  });
  test('a discard; a refused discard is tried anew', async () => {
    const discard: Command = { type: 'discard', requestId: 'd', collection: 'asks', id: 'x' };
    expect(await refusal(discard)).toBe('not-found');
    await ask(put('x'));
    expect(await refusal(discard)).toBe('none');
    await ask(put('x'));
    expect(await refusal(discard)).toBe('none');
    expect(await ask({ type: 'outbox' })).toMatchObject([{ id: 'x' }]);
  });
});

test('a resolution that cannot be stored is refused, and the conflict stays', async () => {
  await conflict('x');
  const bad: Command = {
    ...resolve('x', 'q'),
    choices: { a: { value: 'half \ud800' } },
  } as Command;
  expect(await refusal(bad)).toBe('not-json');
  expect(await ask({ type: 'conflicts' })).toHaveLength(1);
});

test('law 7: a resolved conflict has delivery and wake-up before the answer', async () => {
  await conflict('x');
  await ask(resolve('x', 'q'));
  expect(wakeUps).toHaveLength(1);
  expect(await replica.drain.isWorkLeft()).toBe(true);
});

test('a discarded change ends visibly, and wakes nobody', async () => {
  await ask(put('x'));
  events = [];
  await ask({ type: 'discard', requestId: 'd', collection: 'asks', id: 'x' });
  expect(events).toMatchObject([
    { type: 'settled', settled: { id: 'x', verdict: 'discarded' } },
    { type: 'change' },
  ]);
  expect(await replica.drain.isWorkLeft()).toBe(false);
});

test('the outbox names waiting changes: their fields, oldest and newest capture', async () => {
  await ask(put('x', { a: 1 }));
  await ask(capture({ op: 'patch', id: 'x', set: { b: 1 }, removed: [] }));
  expect(await ask({ type: 'outbox' })).toEqual([
    {
      collection: 'asks',
      id: 'x',
      op: 'edit',
      fields: ['a', 'b'],
      state: 'local',
      firstSeq: 1,
      lastSeq: 2,
    },
  ]);
});

describe('fault 38: signing out', () => {
  test('with work left is refused by default, and removes nothing', async () => {
    await ask(put('x'));
    expect(await refusal({ type: 'sign-out', unsent: 'refuse' })).toBe('unsent-work');
    expect(await ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
      state: 'local',
    });
  });
  test('can leave unsent work on this device', async () => {
    await ask(put('x'));
    await ask({ type: 'sign-out', unsent: 'keep' });
    expect(await ask({ type: 'status' })).toMatchObject({ unsent: 1, auth: 'required' });
  });
  test('leaves nothing of the user in this browser', async () => {
    await ask(put('x'));
    await ask({ type: 'sign-out', unsent: 'discard' });
    expect((await indexedDB.databases()).map(({ name }) => name)).not.toContain('updraft:ana');
  });
  test('never takes a capture that was acknowledged', async () => {
    const [captured, signedOut] = await Promise.allSettled([
      ask(put('x')),
      ask({ type: 'sign-out', unsent: 'refuse' }),
    ]);
    const isStored =
      (await (replica = await start()).world.store.read((tx) => tx.record('asks', 'x', 0)))
        .value !== null;
    if (captured.status === 'fulfilled') expect(signedOut.status).toBe('rejected');
    expect(isStored).toBe(captured.status === 'fulfilled');
  });
});

test('a page that returns gets missed events; a page from before a wipe reads again', async () => {
  const { log, cursor } = (await ask({ type: 'hello' })) as { log: string; cursor: number };
  await ask(put('x'));
  expect(await ask({ type: 'wake', reason: 'visible', log, cursor })).toMatchObject({
    events: [{ type: 'change', ids: ['x'] }],
    complete: true,
  });
  expect(await ask({ type: 'wake', reason: 'visible', log: 'older', cursor })).toMatchObject({
    complete: false,
  });
});
