import { afterAll, describe, expect, test } from 'vitest';
import type { ChangeCommand, UpdraftEvent } from '../../shared/messages.ts';
import type { Resolver } from '../declarations/resolvers.ts';
import { simulate, storeRecords, type Simulation } from './setup.ts';
import { StoreServer } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());

const RECORD = { id: 'x', a: 'a', b: 'b', n: 10 };
const patch = (set: object, removed: string[] = []): ChangeCommand => ({
  op: 'patch',
  id: 'x',
  set,
  removed,
});
const remove: ChangeCommand = { op: 'delete', id: 'x' };

/** Takes one side for every field in conflict, or for the record as a whole. */
const always =
  (take: 'mine' | 'theirs'): Resolver =>
  ({ fields }) =>
    fields === '*'
      ? { '*': { take } }
      : Object.fromEntries(fields.map(({ field }) => [field, { take }]));
/** Both texts, in an order that both devices find alike. */
const joined: Resolver = ({ fields }) =>
  fields === '*'
    ? undefined
    : Object.fromEntries(
        fields.map(({ field, mine, theirs }) => [
          field,
          {
            value: [...new Set(`${mine as string}+${theirs as string}`.split('+'))]
              .toSorted()
              .join('+'),
          },
        ]),
      );

async function devicesWith(resolver: Resolver): Promise<Simulation['devices'][number]['device'][]> {
  simulation = await simulate(server, 2, 1, { asks: resolver });
  await simulation.store.change({ put: { collection: 'asks', record: RECORD } });
  for (const { device } of simulation.devices) await device.drain();
  return simulation.devices.map(({ device }) => device);
}
let simulation: Simulation;

/** Whatever was decided: all sent, nobody asked, every device as the store, each change ended. */
async function isDone(devices: readonly Simulation['devices'][number]['device'][]): Promise<void> {
  const records = await storeRecords(simulation.store, 'asks');
  for (const device of devices) {
    expect(await device.conflicts()).toEqual([]);
    expect(await device.ask({ type: 'status' })).toMatchObject({ unsent: 0, conflicts: 0 });
    const rows = await device.rows('asks');
    expect(Object.fromEntries(rows.map(({ id, value }) => [id, value]))).toEqual(records);
    expect(device.complaints).toEqual([]);
  }
}
const told = (events: readonly UpdraftEvent[], type: UpdraftEvent['type']): number =>
  events.filter((event) => event.type === type).length;

const pairs: readonly [string, ChangeCommand, ChangeCommand, object | null, object | null][] = [
  ['a field', patch({ a: 'm' }), patch({ a: 't' }), { ...RECORD, a: 'm' }, { ...RECORD, a: 't' }],
  [
    'one of two fields',
    patch({ a: 'm', b: 'm' }),
    patch({ a: 't' }),
    { ...RECORD, a: 'm', b: 'm' },
    { ...RECORD, a: 't', b: 'm' },
  ],
  [
    'a removed field',
    patch({}, ['a']),
    patch({ a: 't' }),
    { id: 'x', b: 'b', n: 10 },
    { ...RECORD, a: 't' },
  ],
  ['deleted here', remove, patch({ a: 't' }), null, { ...RECORD, a: 't' }],
  ['deleted there', patch({ a: 'm' }), remove, { ...RECORD, a: 'm' }, null],
];

describe.each(pairs)('both changed: %s', (_name, mine, theirs, ifMine, ifTheirs) => {
  test.each([
    ['mine', ifMine],
    ['theirs', ifTheirs],
  ] as const)('the resolver takes %s, and nobody is asked', async (take, record) => {
    const [first, second] = (await devicesWith(always(take))) as Devices;
    await second.capture('asks', mine);
    await first.capture('asks', theirs);
    for (let round = 0; round < 2; round++)
      for (const device of [first, second]) await device.drain();
    await first.drain();
    expect(await storeRecords(simulation.store, 'asks')).toEqual(record ? { x: record } : {});
    await isDone([first, second]);
    expect(told(second.events, 'conflict')).toBe(0);
    expect(told(second.events, 'settled'), 'one capture, one end').toBe(1);
    expect(told(second.events, 'dropped')).toBe(take === 'mine' ? 0 : 1);
  });
});
type Device = Simulation['devices'][number]['device'];
type Devices = [Device, Device];

test('killed at any step, a resolver’s choice is sent once', async () => {
  for (let steps = 1; steps <= 16; steps++)
    for (const before of [true, false]) {
      const [first, second] = (await devicesWith(joined)) as Devices;
      await first.capture('asks', patch({ a: 't' }));
      await first.drain();
      await second.capture('asks', patch({ a: 'm' }));
      await second.capture('asks', { op: 'increment', id: 'x', by: { n: 1 } });
      await second.killIn(steps, before);
      await second.drain();
      second.stop();
      for (let round = 0; round < 2; round++) await second.drain();
      await first.drain();
      expect(
        await storeRecords(simulation.store, 'asks'),
        `killed ${before ? 'before' : 'after'} step ${steps}`,
      ).toEqual({ x: { ...RECORD, a: 'm+t', n: 11 } });
      await isDone([first, second]);
      await simulation.store.close();
    }
});

test('two devices whose resolvers join both texts end with both, whoever is first', async () => {
  const devices = (await devicesWith(joined)) as Devices;
  for (let round = 0; round < 4; round++) {
    for (const [index, device] of devices.entries())
      await device.capture('asks', patch({ a: `${index}${round}` }));
    for (const device of round % 2 ? devices : devices.toReversed()) await device.drain();
  }
  for (let round = 0; round < 3; round++) for (const device of devices) await device.drain();
  await isDone(devices);
  expect((await storeRecords(simulation.store, 'asks'))['x']).toMatchObject({ a: '03+13' });
});
