import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { comeToRest } from './come-to-rest.ts';
import { simulate, storeRecords, type Simulation } from './setup.ts';
import { StoreServer } from './store-server.ts';
import { DEVICES, play, step, type StoryStep } from './story.ts';

const server = new StoreServer();
afterAll(() => server.close());
const RUNS = Number(process.env['UPDRAFT_RUNS'] ?? 40);
type Step = StoryStep | { readonly step: 'backup' } | { readonly step: 'restore' };
/** Nobody runs the new-epoch command: the devices and the ledger must find out. */
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: step },
  { weight: 1, arbitrary: fc.constant<Step>({ step: 'backup' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ step: 'restore' }) },
);

async function expectAgreement({ store, devices }: Simulation): Promise<void> {
  for (const collection of ['asks', 'clients', 'servers']) {
    const expected = await storeRecords(store, collection);
    for (const { device } of devices) {
      const rows = await device.rows(collection);
      expect(Object.fromEntries(rows.map((row) => [row.id, row.value]))).toEqual(expected);
    }
  }
}

test('case A18: an answer from before a restore comes late: device and store agree', async () => {
  const simulation = await simulate(server, 2);
  const { store, devices } = simulation;
  const [first, second] = devices;
  if (!first || !second) throw new Error('two devices were asked for');
  await first.device.capture('asks', { op: 'put', value: { id: 'x', a: 0 } });
  for (const { device } of devices) await device.drain();
  await store.backup();
  await first.device.capture('asks', { op: 'patch', id: 'x', set: { a: 1 }, removed: [] });
  first.network.fault = 'response-lost';
  await first.device.drain();
  expect(await storeRecords(store, 'asks')).toMatchObject({ x: { a: 1 } });
  await store.restore();
  await second.device.capture('asks', { op: 'patch', id: 'x', set: { a: 2 }, removed: [] });
  await second.device.drain();
  first.network.fault = 'stale-answer';
  await first.device.drain();
  await comeToRest(simulation);
  expect(await storeRecords(store, 'asks')).toMatchObject({ x: { a: 2 } });
  await expectAgreement(simulation);
  await store.close();
});

test('case A18: the store goes back at any time, and all agree in the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { minLength: 10, maxLength: 50 }),
      fc.nat(),
      async (story, seed) => {
        const simulation = await simulate(server, DEVICES, seed);
        const { store } = simulation;
        await store.backup();
        for (const each of story) {
          if (each.step === 'backup') await store.backup();
          else if (each.step === 'restore') await store.restore();
          else await play(simulation, each);
        }
        await comeToRest(simulation);
        await expectAgreement(simulation);
        await store.close();
      },
    ),
    { numRuns: RUNS, endOnFailure: true },
  );
});
