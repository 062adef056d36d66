import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DRAWS_TIMEOUT_MS } from '../testing/test-draws.ts';
import { comeToRest } from './come-to-rest.ts';
import { Met } from './met.ts';
import { story } from './scenes.ts';
import { DEVICES, play, step } from './story.ts';
import { simulate, storeRecords } from './setup.ts';
import { StoreServer } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());
const RUNS = Number(process.env['UPDRAFT_RUNS'] ?? 40);
/** Stories that meet each topic of a scene about ten times. */
const RUNS_THAT_MEET_ALL = 40;

test(
  'fault 42: devices, faults, kills and Airflow at random: nothing lost or doubled',
  { timeout: DRAWS_TIMEOUT_MS * 4 },
  async () => {
    const met = new Met();
    await fc.assert(
      fc.asyncProperty(story, fc.nat(), async (steps, seed) => {
        const simulation = await simulate(server, DEVICES, seed);
        for (const each of steps) await met.during(simulation, each, () => play(simulation, each));
        await comeToRest(simulation);
        for (const collection of ['asks', 'clients', 'servers']) {
          const expected = await storeRecords(simulation.store, collection);
          for (const { device } of simulation.devices) {
            const rows = await device.rows(collection);
            expect(Object.fromEntries(rows.map((row) => [row.id, row.value]))).toEqual(expected);
            expect(rows.every((row) => row.state === 'synced')).toBe(true);
            expect(device.wakeUps).toEqual([]);
          }
        }
        await simulation.store.close();
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    if (RUNS >= RUNS_THAT_MEET_ALL) expect(met.missing(), JSON.stringify(met.counts)).toEqual([]);
    if (RUNS > RUNS_THAT_MEET_ALL) process.stdout.write(`met: ${JSON.stringify(met.counts)}\n`);
  },
);

test(
  'increments of every device sum up after losses, doubles, delays and kills',
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.nat(),
        async (story, seed) => {
          const simulation = await simulate(server, DEVICES, seed);
          const { store, devices } = simulation;
          await store.change({ put: { collection: 'asks', record: { id: 'sum', n: 0 } } });
          for (const { device } of devices) await device.drain();
          let captured = 0;
          for (const each of story) {
            if (each.step === 'capture') {
              const by = (captured % 7) + 1;
              const result = await devices[each.device]!.device.capture('asks', {
                op: 'increment',
                id: 'sum',
                by: { n: by },
              });
              expect(result).not.toBeInstanceOf(Error);
              captured += by;
              await devices[each.device]!.device.capture('asks', {
                op: 'put',
                value: { id: `new-${captured}`, a: captured },
              });
            } else if (each.step !== 'airflow') await play(simulation, each);
          }
          await comeToRest(simulation);
          const { sum, ...created } = (await storeRecords(store, 'asks')) as Record<
            string,
            { a?: number; n?: number }
          >;
          expect(sum?.n).toBe(captured);
          for (const [id, record] of Object.entries(created)) expect(id).toBe(`new-${record.a}`);
          const puts = story.filter((each) => each.step === 'capture').length;
          expect(Object.keys(created)).toHaveLength(puts);
          await store.close();
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
);
