import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { DeadLetter } from '../../shared/row.ts';
import type { Status } from '../../shared/status.ts';
import { simulate, storeRecords } from './setup.ts';
import { StoreServer } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());
const RUNS = Number(process.env['UPDRAFT_RUNS'] ?? 15);
/** More drains than halving ten records down takes. */
const DRAINS_MAX = 120;
const FORBIDDEN = 99;

test('fault 52, case A9: a record that a middlebox refuses is the only dead letter', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        records: fc.integer({ min: 1, max: 10 }),
        at: fc.nat(),
        kills: fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.boolean()), { maxLength: 10 }),
        outages: fc.array(fc.boolean(), { maxLength: 20 }),
        seed: fc.nat(),
      }),
      async ({ records, at, kills, outages, seed }) => {
        const { store, devices } = await simulate(server, 1, seed);
        const [{ device, network } = expect.unreachable()] = devices;
        await device.drain();
        const bad = at % records;
        for (let n = 0; n < records; n++)
          await device.capture('asks', {
            op: 'put',
            value: { id: `r${n}`, a: n === bad ? FORBIDDEN : n, n: 1 },
          });
        network.middlebox = { when: 'before', refuses: ({ set }) => set?.['a'] === FORBIDDEN };
        for (let drain = 0; drain < DRAINS_MAX; drain++) {
          const kill = kills[drain];
          if (kill) await device.killIn(...kill);
          // An outage in between counts as no refusal, and undoes none.
          if (outages[drain]) network.fault = 'request-lost';
          await device.drain();
          const { unsent, deadLetters } = (await device.ask({ type: 'status' })) as Status;
          if (unsent === 1 && deadLetters === 1) break;
        }
        const letters = (await device.ask({ type: 'dead-letters' })) as readonly DeadLetter[];
        expect(letters).toMatchObject([
          {
            id: `r${bad}`,
            reason: { kind: 'refused-on-the-way', message: expect.stringContaining('403') },
          },
        ]);
        const stored = await storeRecords(store, 'asks');
        expect(Object.keys(stored).sort()).toEqual(
          Array.from({ length: records }, (_, n) => `r${n}`)
            .filter((id) => id !== `r${bad}`)
            .sort(),
        );
        expect(Object.values(stored).every((record) => (record as { n: number }).n === 1)).toBe(
          true,
        );

        // Retried by a person, the record goes alone: captures made with the retry arrive
        // regardless of its fate.
        await device.retry({ kind: 'mutation', collection: 'asks', id: `r${bad}` });
        await device.capture('asks', { op: 'put', value: { id: 'later', a: 1 } });
        for (let drain = 0; drain < 4; drain++) await device.drain();
        expect(await device.ask({ type: 'status' })).toMatchObject({ unsent: 1, deadLetters: 1 });
        expect(await storeRecords(store, 'asks')).toHaveProperty('later');
        // Let through at last, the record arrives.
        network.middlebox = undefined;
        await device.retry({ kind: 'mutation', collection: 'asks', id: `r${bad}` });
        await device.drain();
        expect(await device.ask({ type: 'status' })).toMatchObject({ unsent: 0, deadLetters: 0 });
        expect(await storeRecords(store, 'asks')).toHaveProperty(`r${bad}`);
        await store.close();
      },
    ),
    { numRuns: RUNS, endOnFailure: true },
  );
});
