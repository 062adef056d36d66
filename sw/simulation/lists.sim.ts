import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Doc, Scalar } from '../../shared/json.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import type { DeadLetter, Row } from '../../shared/row.ts';
import { drawn, draws, DRAWS_TIMEOUT_MS } from '../testing/test-draws.ts';
import { comeToRest } from './come-to-rest.ts';
import type { SimulatedDevice } from './device.ts';
import { simulate, storeRecords, type Simulation } from './setup.ts';
import { SharedBrowser } from './shared-browser.ts';
import { DEVICES, play, step } from './story.ts';
import { StoreServer } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());

const addTo = (id: string, ...t: Scalar[]): ChangeCommand => ({
  op: 'add-to',
  id,
  elements: { t },
});
const removeFrom = (id: string, ...t: Scalar[]): ChangeCommand => ({
  op: 'remove-from',
  id,
  elements: { t },
});
const put = (part: object): ChangeCommand => ({ op: 'put', value: { id: 'x', ...part } });
const listOn = async (device: SimulatedDevice, collection: string): Promise<readonly Scalar[]> => {
  const row = (await device.ask({ type: 'get', collection, id: 'set' })) as Row | null;
  return (row?.value as { readonly t?: readonly Scalar[] } | undefined)?.t ?? [];
};

test(
  drawn('fault 76: what somebody added and nobody removed is in the store, and nothing else'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.boolean(), fc.nat()), { minLength: 5, maxLength: 30 }),
        fc.constantFrom('asks', 'clients', 'servers'),
        fc.nat(),
        async (story, collection, seed) => {
          const simulation = await simulate(server, DEVICES, seed);
          const { store, devices } = simulation;
          await store.change({ put: { collection, record: { id: 'set', t: ['first'] } } });
          for (const { device } of devices) await device.drain();
          const added = new Set<Scalar>(['first']);
          const removed = new Set<Scalar>();
          for (const [each, isRemoval, at] of story) {
            if (each.step !== 'capture') {
              if (each.step !== 'airflow') await play(simulation, each);
              continue;
            }
            const { device } = devices[each.device]!;
            const seen = await listOn(device, collection);
            const gone = isRemoval ? seen[at % seen.length] : undefined;
            const element = `e${added.size}`;
            const change = gone === undefined ? addTo('set', element) : removeFrom('set', gone);
            expect(await device.capture(collection, change)).not.toBeInstanceOf(Error);
            if (gone === undefined) added.add(element);
            else removed.add(gone);
          }
          await comeToRest(simulation);
          const { set } = (await storeRecords(store, collection)) as { set: { t: Scalar[] } };
          const left = [...added].filter((element) => !removed.has(element));
          expect(new Set(set.t)).toEqual(new Set(left));
          expect(set.t).toHaveLength(new Set(set.t).size);
          await store.close();
        },
      ),
      draws(8),
    );
  },
);

/** Two devices of one user that hold the record, in agreement with the store. */
async function pair(record: object, collection = 'asks'): Promise<Simulation> {
  const simulation = await simulate(server, 2);
  await simulation.store.change({ put: { collection, record: { id: 'x', ...record } } });
  for (const { device } of simulation.devices) await device.drain();
  return simulation;
}
const stored = async ({ store }: Simulation, collection = 'asks'): Promise<unknown> =>
  (await storeRecords(store, collection))['x'];

describe.each(['asks', 'clients', 'servers'])('fault 76: elements, policy of %s', (collection) => {
  test.each<[string, ChangeCommand, readonly Scalar[] | undefined]>([
    ['both add', addTo('x', 'theirs'), ['a', 'theirs', 'mine']],
    ['the other side removes', removeFrom('x', 'a'), ['mine']],
    ['both add one and the same', addTo('x', 'mine'), ['a', 'mine']],
    ['the other side sets the list', put({ t: ['new'] }), ['new', 'mine']],
    ['the other side removes the field', put({}), ['mine']],
  ])('%s: merged, nobody is asked', async (_name, theirs, expected) => {
    const simulation = await pair({ t: ['a'] }, collection);
    const [mine, other] = simulation.devices.map(({ device }) => device) as [
      SimulatedDevice,
      SimulatedDevice,
    ];
    await mine.capture(collection, addTo('x', 'mine'));
    await other.capture(collection, theirs);
    await other.drain();
    await mine.drain();
    expect(await mine.ask({ type: 'status' })).toMatchObject({ unsent: 0, conflicts: 0 });
    expect(await stored(simulation, collection)).toEqual({ id: 'x', t: expected });
    await other.drain();
    expect((await other.rows(collection))[0]?.value).toEqual({ id: 'x', t: expected });
    await simulation.store.close();
  });
});

describe('fault 76: elements and a person', () => {
  test('no list any more: a dead letter with the change; edited, it goes', async () => {
    const simulation = await pair({ a: [] });
    const [mine, other] = simulation.devices.map(({ device }) => device);
    const add: ChangeCommand = { op: 'add-to', id: 'x', elements: { a: ['mine'] } };
    await mine?.capture('asks', add);
    await other?.capture('asks', put({ a: 'a text' }));
    await other?.drain();
    await mine?.drain();
    expect(await mine?.ask({ type: 'dead-letters' })).toMatchObject([
      {
        change: { op: 'edit', elements: { a: { added: ['mine'], removed: [] } } },
        value: { id: 'x', a: 'a text' },
        reason: { kind: 'schema', path: '/a' },
      } satisfies Partial<DeadLetter> | object,
    ]);
    expect(await mine?.capture('asks', add)).toMatchObject({ kind: 'not-a-list' });
    await mine?.capture('asks', put({ a: ['a text', 'mine'] }));
    await mine?.drain();
    expect(await mine?.ask({ type: 'status' })).toMatchObject({ unsent: 0, deadLetters: 0 });
    expect(await stored(simulation)).toEqual({ id: 'x', a: ['a text', 'mine'] });
    await simulation.store.close();
  });

  test.each([
    ['mine', { id: 'x', t: ['a', 'mine'] }],
    ['theirs', undefined],
  ] as const)('added to a deleted record: asked; %s', async (take, expected) => {
    const simulation = await pair({ t: ['a'] });
    const [mine, other] = simulation.devices.map(({ device }) => device);
    await mine?.capture('asks', addTo('x', 'mine'));
    await other?.capture('asks', { op: 'delete', id: 'x' });
    await other?.drain();
    await mine?.drain();
    const [conflict] = (await mine?.conflicts()) ?? [];
    expect(conflict).toMatchObject({ reason: 'deleted-there', mine: { t: ['a', 'mine'] } });
    await mine?.resolve(conflict!, { take });
    await mine?.drain();
    expect(await stored(simulation)).toEqual(expected);
    await simulation.store.close();
  });

  test('a record that comes back keeps what the other side added to it', async () => {
    const simulation = await pair({ t: ['a'] });
    const [mine, other] = simulation.devices.map(({ device }) => device);
    await mine?.capture('asks', addTo('x', 'mine'));
    await other?.capture('asks', { op: 'delete', id: 'x' });
    await other?.drain();
    await mine?.drain();
    await other?.capture('asks', put({ t: ['again'] }));
    await other?.drain();
    await mine?.drain();
    await mine?.drain();
    expect(await mine?.conflicts()).toEqual([]);
    expect((await stored(simulation)) as Doc).toEqual({ id: 'x', t: ['again', 'mine'] });
    await simulation.store.close();
  });

  test('too many together: a conflict of the whole, nothing is written unasked', async () => {
    const simulation = await pair({ t: ['a'] });
    const [mine, other] = simulation.devices.map(({ device }) => device);
    await mine?.capture('asks', addTo('x', 'm'.repeat(40_000)));
    await other?.capture('asks', addTo('x', 'o'.repeat(40_000)));
    await other?.drain();
    await mine?.drain();
    const [conflict] = (await mine?.conflicts()) ?? [];
    expect(conflict).toMatchObject({ reason: 'invalid-merge' });
    await mine?.resolve(conflict!, { take: 'theirs' });
    await mine?.drain();
    expect(await mine?.ask({ type: 'status' })).toMatchObject({ unsent: 0, conflicts: 0 });
    await simulation.store.close();
  });
});

describe.each(['plugin', 'dag'] as const)('fault 77: a server that knows no sets, %s', (via) => {
  test('all but sets goes through; a set is held, told, and arrives after the update', async () => {
    const browser = new SharedBrowser(via, 1);
    await browser.signIn('ana', 'ana', 'sealed');
    const { ana } = browser.devices;
    browser.airflow.protocol = 1;
    await ana.capture('asks', put({ a: { elements: { t: ['no part'] } } }));
    await ana.capture('asks', { op: 'put', value: { id: 'y', elements: 'a field' } });
    await ana.drain();
    expect(await ana.ask({ type: 'status' })).toMatchObject({ unsent: 0 });
    await ana.capture('asks', addTo('x', 'wet'));
    for (let round = 0; round < 3; round++) {
      await ana.drain();
      expect(await ana.ask({ type: 'status' })).toMatchObject({
        unsent: 1,
        deadLetters: 0,
        conflicts: 0,
        waiting: { for: 'update' },
      });
    }
    expect(browser.airflow.stores['ana']?.records.get('x')).not.toHaveProperty('t');
    browser.airflow.protocol = 2;
    for (let round = 0; round < 3; round++) {
      ana.now += 3_600_000;
      await ana.drain();
    }
    expect(await ana.ask({ type: 'status' })).toMatchObject({ unsent: 0, deadLetters: 0 });
    expect(browser.airflow.stores['ana']?.records.get('x')).toMatchObject({ t: ['wet'] });
  });
});
