import { afterAll, expect, test } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import type { SimulatedDevice } from './device.ts';
import { simulate, storeRecords, type Simulation } from './setup.ts';
import { StoreServer } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());

/** A store with a synchronized record `x`, and devices. */
async function withRecord(count: number): Promise<
  Simulation & {
    readonly first: Simulation['devices'][number];
    readonly second: Simulation['devices'][number];
  }
> {
  const simulation = await simulate(server, count);
  await simulation.store.change({
    put: { collection: 'asks', record: { id: 'x', a: 0, b: 0, n: 0 } },
  });
  for (const { device } of simulation.devices) await device.drain();
  const [first, second] = simulation.devices;
  if (!first) throw new Error('a simulation has at least one device');
  return { ...simulation, first, second: second ?? first };
}

const settledOf = (device: SimulatedDevice): string[] =>
  device.events.flatMap((event) =>
    event.type === 'settled' ? [`${event.settled.id} ${event.settled.verdict}`] : [],
  );

test('changes captured before the first contact arrive with that contact', async () => {
  const { store, devices } = await simulate(server, 1);
  const device = devices[0]?.device as SimulatedDevice;
  await device.capture('asks', { op: 'put', value: { id: 'x', a: 1 } });
  await device.drain();
  expect(await storeRecords(store, 'asks')).toEqual({ x: { id: 'x', a: 1 } });
  expect(await device.rows('asks')).toMatchObject([{ id: 'x', state: 'synced', revision: 1 }]);
  expect(device.wakeUps).toEqual([]);
});

test('an answer to another request settles nothing', async () => {
  const { store, first } = await withRecord(1);
  // The last pull's answer names the same epoch and the same last batch as the batch's would.
  await first.device.drain();
  await first.device.capture('asks', { op: 'increment', id: 'x', by: { n: 1 } });
  first.network.fault = 'stale-answer';
  await first.device.drain('capture');
  expect(await first.device.rows('asks')).toMatchObject([{ state: 'sending' }]);
  await first.device.drain();
  await first.device.drain();
  expect(await storeRecords(store, 'asks')).toEqual({ x: { id: 'x', a: 0, b: 0, n: 1 } });
});

test('the wake-up row stays until the delivery is settled', async () => {
  const { first } = await withRecord(1);
  await first.device.capture('asks', { op: 'patch', id: 'x', set: { a: 1 }, removed: [] });
  first.network.fault = 'response-lost';
  // Dies as the exchange ends, before anything can be mended: the row alone must wake the next
  // worker.
  first.network.onEnd = () => first.device.stop();
  expect(await first.device.drain('capture'), 'came to its end').toBe(false);
  expect(first.device.wakeUps).toHaveLength(1);
});

test('a put that could not be written rejects, and resolves only after it is on disk', async () => {
  const { first } = await withRecord(1);
  const { pipeline, world } = await first.device.worker();
  let written = false;
  const write = world.store.write;
  Object.assign(world.store, {
    write: async (body: Parameters<typeof write>[0]) => {
      const result = await write(body);
      written = true;
      return result;
    },
  });
  await pipeline.capture({
    requestId: 'q1',
    collection: 'asks',
    change: { op: 'put', value: { id: 'y' } },
  });
  expect(written).toBe(true);
});

test('fault 1, 2, 3, 4: killed at any step, a change arrives exactly once', async () => {
  for (let steps = 1; steps <= 16; steps++) {
    for (const before of [true, false]) {
      const { store, first } = await withRecord(1);
      await first.device.capture('asks', { op: 'increment', id: 'x', by: { n: 1 } });
      await first.device.killIn(steps, before);
      await first.device.drain();
      first.device.stop();
      await first.device.drain();
      expect(
        await storeRecords(store, 'asks'),
        `killed ${before ? 'before' : 'after'} step ${steps}`,
      ).toEqual({ x: { id: 'x', a: 0, b: 0, n: 1 } });
      expect(
        (await store.rows()).find(({ id }) => id === 'x')?.revision,
        'revisions advanced once',
      ).toBe(2);
      expect(await first.device.rows('asks')).toMatchObject([{ state: 'synced' }]);
      await store.close();
    }
  }
});

test('fault 37: both edit one field, one edits another: one conflict, one merge', async () => {
  const { store, first, second } = await withRecord(2);
  await first.device.capture('asks', { op: 'patch', id: 'x', set: { a: 'first' }, removed: [] });
  await second.device.capture('asks', {
    op: 'patch',
    id: 'x',
    set: { a: 'second', b: 'only second' },
    removed: [],
  });
  await first.device.drain();
  await second.device.drain();
  const conflicts = await second.device.conflicts();
  expect(conflicts).toMatchObject([
    {
      recordId: 'x',
      reason: 'edited',
      fields: [{ field: 'a', base: 0, mine: 'second', theirs: 'first' }],
    },
  ]);
  expect(await storeRecords(store, 'asks')).toMatchObject({ x: { a: 'first', b: 'only second' } });
  expect(second.device.events.filter(({ type }) => type === 'conflict')).toHaveLength(1);
  await second.device.resolve(conflicts[0] as (typeof conflicts)[0], { take: 'mine' });
  await second.device.drain();
  await first.device.drain();
  const expected = { x: { id: 'x', a: 'second', b: 'only second', n: 0 } };
  expect(await storeRecords(store, 'asks')).toEqual(expected);
  for (const { device } of [first, second])
    expect((await device.rows('asks')).map(({ value, state }) => [value, state])).toEqual([
      [expected.x, 'synced'],
    ]);
  expect(settledOf(second.device)).toEqual(['x conflicted', 'x applied']);
});

test('fault 37: deleted there and edited here, or reversed, waits for a person', async () => {
  for (const [deleter, reason] of [
    ['first', 'deleted-there'],
    ['second', 'deleted-here'],
  ] as const) {
    for (const take of ['mine', 'theirs'] as const) {
      const { store, first, second } = await withRecord(2);
      const edit: ChangeCommand = { op: 'patch', id: 'x', set: { a: 'edited' }, removed: [] };
      await first.device.capture('asks', deleter === 'first' ? { op: 'delete', id: 'x' } : edit);
      await second.device.capture('asks', deleter === 'first' ? edit : { op: 'delete', id: 'x' });
      await first.device.drain();
      await second.device.drain();
      const [conflict] = await second.device.conflicts();
      expect(conflict).toMatchObject({ reason, fields: '*' });
      if (conflict) await second.device.resolve(conflict, { take });
      await second.device.drain();
      await first.device.drain();
      const survives = (reason === 'deleted-there') === (take === 'mine');
      expect(await storeRecords(store, 'asks')).toEqual(
        survives ? { x: { id: 'x', a: 'edited', b: 0, n: 0 } } : {},
      );
      for (const { device } of [first, second])
        expect(await device.rows('asks')).toHaveLength(survives ? 1 : 0);
      await store.close();
    }
  }
});

test('fault 36: a record that breaks the schema is rejected, and blocks no other', async () => {
  const { store, first } = await withRecord(1);
  await first.device.capture('asks', { op: 'put', value: { id: 'bad', valid: false } });
  await first.device.capture('asks', { op: 'put', value: { id: 'good', a: 1 } });
  await first.device.drain();
  expect(await first.device.ask({ type: 'dead-letters' })).toMatchObject([
    { id: 'bad', reason: { kind: 'schema' }, value: { id: 'bad', valid: false } },
  ]);
  expect(Object.keys(await storeRecords(store, 'asks')).toSorted()).toEqual(['good', 'x']);
  await first.device.drain();
  expect(first.device.events.filter(({ type }) => type === 'dead-letter')).toHaveLength(1);
  await first.device.capture('asks', { op: 'patch', id: 'bad', set: { valid: true }, removed: [] });
  await first.device.drain();
  expect((await first.device.rows('asks')).map(({ state }) => state)).toEqual([
    'synced',
    'synced',
    'synced',
  ]);
});

test('fault 31: a store restored from a backup is re-read; a person resends the lost', async () => {
  const { store, first, second } = await withRecord(2);
  await store.backup();
  await first.device.capture('asks', {
    op: 'patch',
    id: 'x',
    set: { a: 'after the backup' },
    removed: [],
  });
  await first.device.drain();
  await second.device.drain();
  await store.restore();
  await first.device.capture('asks', { op: 'put', value: { id: 'y', a: 1 } });
  await first.device.drain();
  await first.device.drain();
  await second.device.drain();
  const expected = { x: { id: 'x', a: 0, b: 0, n: 0 }, y: { id: 'y', a: 1 } };
  expect(await storeRecords(store, 'asks')).toEqual(expected);
  for (const { device } of [first, second])
    expect(
      Object.fromEntries((await device.rows('asks')).map(({ id, value }) => [id, value])),
    ).toEqual(expected);
});

test('bad input rejects with a typed error and stores nothing', async () => {
  const { first } = await withRecord(1);
  const cases: [string, unknown, string][] = [
    ['asks', { id: 'z', a: Number.NaN }, 'not-json'],
    ['asks', { id: 'z', a: new Date(0) }, 'not-json'],
    ['asks', { id: 'z', a: 'nul \u0000' }, 'not-json'],
    ['asks', { id: 'z', a: 'half \ud800' }, 'not-json'],
    ['asks', JSON.parse('{"id":"z","__proto__":1}'), 'not-json'],
    ['asks', { a: 1 }, 'no-id'],
    ['asks', null, 'no-id'],
    ['asks', { id: 'z', a: 'x'.repeat(70_000) }, 'too-large'],
    ['asks', { id: 'z'.repeat(801) }, 'too-large'],
    ['nobody', { id: 'z' }, 'unknown-collection'],
  ];
  for (const [collection, value, kind] of cases) {
    const result = await first.device.capture(collection, { op: 'put', value });
    expect(result, JSON.stringify(value)?.slice(0, 60)).toBeInstanceOf(UpdraftError);
    expect((result as UpdraftError).kind).toBe(kind);
  }
  expect(await first.device.rows('asks')).toHaveLength(1);
  expect(await first.device.ask({ type: 'outbox' })).toEqual([]);
});

test('a repeated request of a page changes nothing twice', async () => {
  const { first } = await withRecord(1);
  const { pipeline } = await first.device.worker();
  const job = {
    requestId: 'same',
    collection: 'asks',
    change: { op: 'increment', id: 'x', by: { n: 1 } },
  } as const;
  const answers = [await pipeline.capture(job), await pipeline.capture(job)];
  expect(answers[1]).toEqual(answers[0]);
  expect(await first.device.rows('asks')).toMatchObject([{ value: { n: 1 } }]);
});
