import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import type { HistoryEntry } from '../../shared/history.ts';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { DeadLetter } from '../../shared/row.ts';
import type { Status } from '../../shared/status.ts';
import { seeded } from '../simulation/setup.ts';
import { airflowApi, Person } from './person.ts';

const server = inject('server');
let ids = 0;
/** Each test has its own records. */
const newId = (): string => `${Date.now().toString(36)}-${++ids}`;

/** The answer to a batch: lost, the server has done its work and the device does not know. */
const ANSWER = { plugin: /\/exchange$/, dag: /\/dagRuns$/ } as const;

interface RecordOf {
  readonly id: string;
  readonly [field: string]: string | number;
}

/** Two devices that hold the same record. */
async function pairBy(
  via: 'plugin' | 'dag',
  collection: string,
  record: RecordOf,
): Promise<[Person, Person]> {
  const devices: [Person, Person] = [
    await Person.signIn(server, via, 'ana'),
    await Person.signIn(server, via, 'ben'),
  ];
  await devices[0].put(collection, { ...record });
  for (const device of devices)
    expect(await device.sync()).toMatchObject({ ready: true, unsent: 0, via });
  expect(await devices[1].value(collection, record.id)).toEqual(record);
  return devices;
}

describe.each(['plugin', 'dag'] as const)(`by the %s, store on ${server.store}: people`, (via) => {
  const pair = (collection: string, record: RecordOf): Promise<[Person, Person]> =>
    pairBy(via, collection, record);

  test('another person sees captures, edits, removals and deletions', async () => {
    const id = newId();
    const [ana, ben] = await pair('asks', { id, a: 1, b: 'as it was' });
    await ana.capture('asks', { op: 'patch', id, set: { a: 2 }, removed: ['b'] });
    await ana.sync();
    await ben.sync();
    expect(await ben.value('asks', id)).toEqual({ id, a: 2 });
    await ben.capture('asks', { op: 'delete', id });
    await ben.sync();
    await ana.sync();
    expect(await ana.value('asks', id)).toBeUndefined();
  });

  test('fault 37: one field conflicts, another merges; a decision ends the conflict', async () => {
    const id = newId();
    const [ana, ben] = await pair('asks', { id, a: 1, b: 'b' });
    await ana.patch('asks', id, { a: 'ana' });
    await ben.patch('asks', id, { a: 'ben', b: 'only ben' });
    await ana.sync();
    expect(await ben.sync()).toMatchObject({ conflicts: 1, unsent: 1 });
    const [conflict] = await ben.conflicts();
    expect(conflict).toMatchObject({
      recordId: id,
      fields: [{ field: 'a', base: 1, mine: 'ben', theirs: 'ana' }],
    });
    if (conflict) await ben.resolve(conflict, { take: 'mine' });
    expect(await ben.sync()).toMatchObject({ conflicts: 0, unsent: 0 });
    await ana.sync();
    for (const device of [ana, ben])
      expect(await device.value('asks', id)).toEqual({ id, a: 'ben', b: 'only ben' });
  });

  test('a policy decides alone: client-wins for the later, server-wins for the store', async () => {
    for (const [collection, expected] of [
      ['clients', 'ben'],
      ['servers', 'ana'],
    ] as const) {
      const id = newId();
      const [ana, ben] = await pair(collection, { id, a: 1 });
      await ana.patch(collection, id, { a: 'ana' });
      await ben.patch(collection, id, { a: 'ben' });
      await ana.sync();
      expect(await ben.sync()).toMatchObject({ conflicts: 0, unsent: 0 });
      await ana.sync();
      for (const device of [ana, ben])
        expect(await device.value(collection, id)).toEqual({ id, a: expected });
    }
  });

  test('a first sync comes page by page; a large batch travels as several', async () => {
    const prefix = newId();
    const ana = await Person.signIn(server, via, 'ana');
    await ana.sync();
    // More mutations than a single exchange of this transport carries.
    const count = TRANSPORT_LIMITS[via].batchMutationsMax + 50;
    const text = 'x'.repeat(200);
    await Promise.all(
      Array.from({ length: count }, (_, at) => ana.put('asks', { id: `${prefix}-${at}`, b: text })),
    );
    expect(await ana.sync()).toMatchObject({ unsent: 0 });
    const ben = await Person.signIn(server, via, 'ben');
    await ben.sync();
    const rows = await ben.ask({ type: 'query', collection: 'asks', query: { limit: 100_000 } });
    expect((rows as { id: string }[]).filter(({ id }) => id.startsWith(prefix))).toHaveLength(
      count,
    );
  });
});

describe.each(['plugin', 'dag'] as const)(`by the %s, store on ${server.store}: faults`, (via) => {
  const person = (user: string, options?: Parameters<typeof Person.signIn>[3]): Promise<Person> =>
    Person.signIn(server, via, user, options);

  test('faults 18 and 19: an answer lost after the commit is fetched again', async () => {
    const id = newId();
    const [ana, ben] = await pairBy(via, 'asks', { id, n: 0 });
    ana.wire.loseNext(ANSWER[via]);
    await ana.capture('asks', { op: 'increment', id, by: { n: 5 } });
    // Retried at once where a request without data is answered meanwhile, else with the next
    // attempt.
    await ana.sync();
    expect(ana.wire.lost).toBe(1);
    expect(await ana.sync()).toMatchObject({ unsent: 0 });
    await ben.capture('asks', { op: 'increment', id, by: { n: 2 } });
    await ben.sync();
    await ana.sync();
    for (const device of [ana, ben]) expect(await device.value('asks', id)).toEqual({ id, n: 7 });
  });

  test('fault 76: elements of two devices merge, after a lost answer too', async () => {
    const id = newId();
    const [ana, ben] = await pairBy(via, 'asks', { id });
    await ben.capture('asks', { op: 'add-to', id, elements: { t: ['dry'] } });
    await ben.sync();
    await ana.sync();
    ana.wire.loseNext(ANSWER[via]);
    await ana.capture('asks', { op: 'add-to', id, elements: { t: ['wet', 1, true] } });
    await ana.sync();
    expect(ana.wire.lost).toBe(1);
    expect(await ana.sync()).toMatchObject({ unsent: 0 });
    await ben.capture('asks', { op: 'remove-from', id, elements: { t: ['dry'] } });
    await ben.capture('asks', { op: 'add-to', id, elements: { t: ['steep', 'wet'] } });
    expect(await ben.sync()).toMatchObject({ unsent: 0, conflicts: 0 });
    await ana.sync();
    for (const device of [ana, ben])
      expect(await device.value('asks', id)).toEqual({ id, t: ['wet', 1, true, 'steep'] });
  });

  test('fault 36: a rejected mutation is a dead letter with a reason; others settle', async () => {
    const [good, poison] = [newId(), newId()];
    // An app that does not know Airflow's newer schema yet lets the record pass.
    const declared = readCollections({ version: 1, collections: { asks: { schema: {} } } });
    const ana = await person('ana', { declared });
    await ana.put('asks', { id: poison, n: 1001 });
    await ana.put('asks', { id: good, n: 1 });
    expect(await ana.sync()).toMatchObject({ unsent: 1, deadLetters: 1 });
    const letters = (await ana.ask({ type: 'dead-letters' })) as DeadLetter[];
    expect(letters).toMatchObject([{ id: poison, reason: { kind: 'schema', path: '/n' } }]);
    await ana.patch('asks', poison, { n: 3 });
    expect(await ana.sync()).toMatchObject({ unsent: 0, deadLetters: 0 });
  });

  test('fault 23: worthless credentials: nothing is lost, and a sign-in is requested', async () => {
    const ana = await person('ana', { token: 'worthless' });
    await ana.put('asks', { id: newId(), a: 1 });
    expect(await ana.sync()).toMatchObject({
      unsent: 1,
      auth: 'required',
      waiting: { for: 'sign-in' },
    });
  });

  test('fault 38: another user’s credentials: nothing is sent', async () => {
    const id = newId();
    const ana = await person('ana', { as: 'ben' });
    await ana.put('asks', { id, a: 1 });
    expect(await ana.sync()).toMatchObject({
      unsent: 1,
      auth: 'required',
      waiting: { for: 'other-user' },
    });
    const ben = await person('ben');
    await ben.sync();
    expect(await ben.value('asks', id)).toBeUndefined();
  });

  test('fault 24: without the right to trigger captures are kept, and the user told', async () => {
    const vera = await person('vera');
    await vera.put('asks', { id: newId(), a: 1 });
    const { unsent, waiting } = await vera.sync();
    expect({ unsent, waiting: waiting?.for }).toEqual({ unsent: 1, waiting: 'forbidden' });
  });

  test('fault 31: after a restore devices re-read, and nothing is lost or doubled', async () => {
    const id = newId();
    const [ana, ben] = await pairBy(via, 'asks', { id, n: 1 });
    await ana.capture('asks', { op: 'increment', id, by: { n: 1 } });
    await airflowApi(server, 'PATCH', '/variables/updraft_epoch', {
      key: 'updraft_epoch',
      value: `lost-${newId()}`,
    });
    expect(await ana.sync()).toMatchObject({ unsent: 0, conflicts: 0, ready: true });
    await ben.sync();
    for (const device of [ana, ben]) expect(await device.value('asks', id)).toEqual({ id, n: 2 });
  });
});

const DAG = '/dags/updraft_exchange';
const pauseDag = (is_paused: boolean): Promise<unknown> =>
  airflowApi(server, 'PATCH', `${DAG}?update_mask=is_paused`, { is_paused });
const settles = (person: Person): Promise<void> =>
  expect.poll(async () => (await person.sync()).unsent, { timeout: 90_000, interval: 500 }).toBe(0);
const countUp = (person: Person, id: string): Promise<unknown> =>
  person.capture('asks', { op: 'increment', id, by: { n: 1 } });
const moves = async (person: Person): Promise<readonly HistoryEntry[]> =>
  (await person.ask({
    type: 'history',
    filter: { kinds: ['delivery-moved'] },
  })) as readonly HistoryEntry[];

/** A device on the DAG transport, with a record that has a counter. */
async function counting(): Promise<[Person, string]> {
  const ana = await Person.signIn(server, 'dag', 'ana');
  const id = newId();
  await ana.put('asks', { id, n: 0 });
  await settles(ana);
  return [ana, id];
}

// In this file, because tests of other files run concurrently, and their exchanges would be held up
// too.
describe(`the DAG's way shut, store on ${server.store}`, () => {
  afterEach(() => pauseDag(false));

  test('fault 24: a missing DAG is told as held; captures are sent once afterwards', async () => {
    const [ana, id] = await counting();
    let counted = 0;
    // Airflow may find the file again before the exchange is tried: then that exchange went
    // through.
    const standsWithoutDag = async (): Promise<object> => {
      await airflowApi(server, 'DELETE', DAG);
      await countUp(ana, id);
      counted++;
      const { unsent, waiting } = await ana.sync();
      return { unsent, waiting: waiting?.for };
    };
    await expect
      .poll(standsWithoutDag, { timeout: 90_000 })
      .toEqual({ unsent: 1, waiting: 'dag-missing' });
    expect(await moves(ana)).toContainEqual(
      expect.objectContaining({ to: 'parked', why: 'dag-missing' }),
    );
    await settles(ana);
    expect(await ana.value('asks', id)).toEqual({ id, n: counted });
  });

  test('fault 24: a paused DAG is told as held soon; captures are sent once later', async () => {
    const [ana, id] = await counting();
    await pauseDag(true);
    await countUp(ana, id);
    const { unsent, waiting } = await ana.sync();
    expect({ unsent, waiting: waiting?.for }).toEqual({ unsent: 1, waiting: 'dag-paused' });
    expect(await moves(ana)).toContainEqual(
      expect.objectContaining({ to: 'parked', why: 'dag-paused' }),
    );
    await pauseDag(false);
    await settles(ana);
    expect(await ana.value('asks', id)).toEqual({ id, n: 1 });
  });

  test.each([24, 25])(
    'fault 24: paused and unpaused at random, with and without rights (seed %i)',
    async (seed) => {
      const random = seeded(seed);
      const [ana, id] = await counting();
      const vera = await Person.signIn(server, 'dag', 'vera');
      const underWay: Promise<unknown>[] = [];
      let [counted, held] = [0, 0];
      for (let step = 0; step < 14; step++) {
        const chance = random();
        if (chance < 0.4) {
          await countUp(ana, id);
          counted++;
          underWay.push(ana.sync());
        } else if (chance < 0.6) {
          await vera.put('asks', { id: newId(), n: 1 });
          held++;
          expect((await vera.sync()).waiting?.for).toBe('forbidden');
        } else await pauseDag(chance < 0.85);
        await new Promise((resolve) => setTimeout(resolve, random() * 800));
      }
      await pauseDag(false);
      await Promise.all(underWay);
      await settles(ana);
      expect(await ana.value('asks', id)).toEqual({ id, n: counted });
      const ben = await Person.signIn(server, 'plugin', 'ben');
      await ben.sync();
      expect(await ben.value('asks', id)).toEqual({ id, n: counted });
      expect(await vera.sync()).toMatchObject({ unsent: held, deadLetters: 0 });
    },
  );
});

describe(`private collections, store on ${server.store}`, () => {
  test('travel by the plugin, and only their owner ever sees them', async () => {
    const id = newId();
    const [ana, ben] = [
      await Person.signIn(server, 'auto', 'ana', { holdsPrivate: true }),
      await Person.signIn(server, 'plugin', 'ben', { holdsPrivate: true }),
    ];
    await ana.put('diary', { id, text: 'mine' });
    expect(await ana.sync()).toMatchObject({ unsent: 0, via: 'plugin' });
    await ben.sync();
    expect(await ben.value('diary', id)).toBeUndefined();
    // A person who guesses the id learns nothing and overwrites nothing.
    await ben.put('diary', { id, text: 'stolen' });
    expect(await ben.sync()).toMatchObject({ deadLetters: 1 });
    const second = await Person.signIn(server, 'plugin', 'ana', { holdsPrivate: true });
    await second.sync();
    expect(await second.value('diary', id)).toEqual({ id, text: 'mine' });
  });
  test('are refused by the DAG transport, where others could read the records', async () => {
    const id = newId();
    const ana = await Person.signIn(server, 'dag', 'ana', { holdsPrivate: true });
    await ana.put('diary', { id, text: 'mine' });
    expect(await ana.sync()).toMatchObject({ deadLetters: 1 });
    expect(await ana.ask({ type: 'dead-letters' })).toMatchObject([
      { id, reason: { kind: 'needs_plugin' } },
    ]);
  });
});

test('large stale changes travel in parts, and each counts once', async () => {
  const bytes = 60_000;
  const count = Math.ceil(TRANSPORT_LIMITS.plugin.verdictsBytesMax / bytes) + 1;
  const prefix = newId();
  const ids = Array.from({ length: count }, (_, at) => `${prefix}-${at}`);
  const [ana, ben] = [
    await Person.signIn(server, 'plugin', 'ana'),
    await Person.signIn(server, 'plugin', 'ben'),
  ];
  await Promise.all(ids.map((id) => ana.put('clients', { id, text: 'x'.repeat(bytes), n: 0 })));
  expect(await ana.sync()).toMatchObject({ unsent: 0 });
  expect(await ben.sync()).toMatchObject({ ready: true });
  await Promise.all(ids.map((id) => ana.patch('clients', id, { by: 'ana' })));
  await Promise.all(ids.map((id) => ben.capture('clients', { op: 'increment', id, by: { n: 1 } })));
  await ana.sync();
  const exchanges = (): number => ben.wire.log.filter((line) => line.endsWith('/exchange')).length;
  const before = exchanges();
  expect(await ben.sync()).toMatchObject({ unsent: 0, deadLetters: 0, conflicts: 0 });
  expect(exchanges() - before, 'refused, voided, and then more than one').toBeGreaterThanOrEqual(4);
  await ana.sync();
  for (const id of ids) expect(await ana.value('clients', id)).toMatchObject({ by: 'ana', n: 1 });
  // The first pulls of the next devices are no test of the feed.
  await Promise.all(ids.map((id) => ana.capture('clients', { op: 'delete', id })));
  await ana.sync();
});

test('a device deletes the DAG run of each settled exchange if told to', async () => {
  const ana = await Person.signIn(server, 'dag', 'ana', { settledRuns: 'delete' });
  const id = newId();
  await ana.sync();
  await ana.put('asks', { id, n: 1 });
  // The resend meets its own run. (A pull would begin another, and leave this run to Airflow's own
  // clean-up.)
  ana.wire.loseNext(/dagRuns$/, 'POST');
  await settles(ana);
  const { replicaId } = (await ana.ask({ type: 'status' })) as Status;
  const deleted = ana.wire.log.filter((line) => line.startsWith('DELETE'));
  expect(deleted.length, 'a pull and a batch').toBeGreaterThanOrEqual(2);
  const { dag_runs } = (await airflowApi(
    server,
    'GET',
    `${DAG}/dagRuns?run_id_pattern=${encodeURIComponent(`updraft__${replicaId}%`)}`,
  )) as {
    dag_runs: object[];
  };
  expect(dag_runs).toEqual([]);
  await countUp(ana, id);
  await settles(ana);
  expect(await ana.value('asks', id)).toEqual({ id, n: 2 });
});

test('both transports lead to one store: a batch of one is answered by the other', async () => {
  const id = newId();
  const ana = await Person.signIn(server, 'dag', 'ana');
  await ana.put('asks', { id, n: 1 });
  await ana.sync();
  const ben = await Person.signIn(server, 'plugin', 'ben');
  await ben.sync();
  expect(await ben.value('asks', id)).toEqual({ id, n: 1 });
});

test('the provider’s own checks of its plugin hold on this Airflow', async () => {
  const checks = ['-m', 'pytest', 'tests/airflow_http/plugin_check.py', '--airflow', server.url];
  const done = await promisify(execFile)(server.python, checks, { cwd: server.provider }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  expect(done.stdout + done.stderr).toMatch(/ passed/);
  expect(done.stdout + done.stderr).not.toMatch(/ failed| error/);
});
