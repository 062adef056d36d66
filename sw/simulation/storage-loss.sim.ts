import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { Status } from '../../shared/status.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import type { SimulatedDevice } from './device.ts';
import type { NetworkFault } from './network.ts';
import { simulate, storeRecords } from './setup.ts';
import { StoreServer } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());

/**
 * Between captures: nothing, an exchange that fails in some way, or a worker killed during the
 * exchange; then the database may be lost, its mirror `behind` this many states.
 */
const moment = fc.record({
  fault: fc.constantFrom<NetworkFault | 'no exchange'>(
    'no exchange',
    'no exchange',
    'none',
    'request-lost',
    'response-lost',
    'delayed',
    'duplicated',
  ),
  killIn: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
  loses: fc.boolean(),
  behind: fc.nat({ max: 3 }),
});

/**
 * The increments captured here that this device still holds in the record’s pending change, sent or
 * not.
 */
async function held(device: SimulatedDevice): Promise<number> {
  const { world } = await device.worker();
  const record = await world.store.read((tx) => tx.record('asks', 'sum', 0));
  const inc = (net: typeof record.pending): number =>
    net?.net.kind === 'edit' ? (net.net.inc['n'] ?? 0) : 0;
  return inc(record.sealed) + inc(record.pending);
}

test(
  drawn('fault 9: a loss at any time, a mirror of any age: nothing doubled, losses told'),
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(moment, { minLength: 1, maxLength: 12 }),
        fc.nat(),
        async (story, seed) => {
          const simulation = await simulate(server, 1, seed);
          const { store, devices } = simulation;
          const [{ device, network } = never()] = devices;
          await store.change({ put: { collection: 'asks', record: { id: 'sum', n: 0 } } });
          await device.drain();
          let captured = 0;
          for (const { fault, killIn, loses, behind } of story) {
            const by = 4 ** captured;
            expect(
              await device.capture('asks', { op: 'increment', id: 'sum', by: { n: by } }),
            ).not.toBeInstanceOf(Error);
            captured += 1;
            if (fault !== 'no exchange') {
              network.fault = fault;
              if (killIn > 0) await device.killIn(killIn, true);
              await device.drain();
              network.fault = 'none';
            }
            if (loses) device.loseDatabase(behind);
            // Incrementing needs the record; after a loss the record comes with the next exchange.
            for (let round = 0; round < 3 && (await device.rows('asks')).length === 0; round++)
              await device.drain();
            if ((await device.rows('asks')).length === 0) break;
          }
          await network.deliverDelayed();
          for (let round = 0; round < 4; round++) await device.drain();
          // A sum of distinct powers of four: each capture arrived once, is still here, or is lost.
          // A capture that counted twice shows as a 2.
          const arrived =
            ((await storeRecords(store, 'asks')) as Record<string, { n: number }>)['sum']?.n ??
            Number.NaN;
          const conflicts = await device.conflicts();
          expect(conflicts.every(({ reason }) => reason === 'forked')).toBe(true);
          const waiting = conflicts.length === 0 ? await held(device) : 0;
          expect((arrived + waiting).toString(4)).toMatch(/^[01]+$/);
          await store.close();
        },
      ),
      draws(20),
    );
  },
);

const clearing = fc.oneof(
  { weight: 3, arbitrary: fc.constant('capture' as const) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<NetworkFault>(
      'none',
      'none',
      'request-lost',
      'response-lost',
      'duplicated',
      'delayed',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('clear' as const, 'clear-in-flight' as const, 'restart' as const),
  },
);

test(
  drawn('fault 12: the site’s data cleared at any moment: later captures arrive once'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(clearing, { minLength: 4, maxLength: 20 }),
        fc.nat(),
        async (story, seed) => {
          const { store, devices } = await simulate(server, 1, seed);
          const [{ device, network } = never()] = devices;
          let since: string[] = [];
          const replicas = new Set([(await statusOf(device)).replicaId]);
          for (const [at, each] of story.entries()) {
            if (each === 'capture') {
              await device.ask({
                type: 'capture',
                requestId: `q${at}`,
                collection: 'asks',
                change: { op: 'put', value: { id: `r${at}`, n: at } },
              });
              since.push(`r${at}`);
            } else if (each === 'restart') device.stop();
            else if (each !== 'clear') {
              if (each === 'clear-in-flight') network.onEnd = () => device.clearSiteData();
              else network.fault = each;
              await device.drain();
              network.onEnd = () => undefined;
            }
            if (each === 'clear' || each === 'clear-in-flight') {
              device.clearSiteData();
              since = [];
              const { unsent, ready, auth, replicaId, storageLost } = await statusOf(device);
              expect({ unsent, ready, auth, storageLost }).toEqual({
                unsent: 0,
                ready: false,
                auth: 'required',
                storageLost: undefined,
              });
              expect(replicas.has(replicaId), 'a name of its own').toBe(false);
              replicas.add(replicaId);
              await device.ask({
                type: 'sign-in',
                credentials: { kind: 'memory', token: 'token' },
              });
            }
          }
          await network.deliverDelayed();
          for (let round = 0; round < 4; round++) await device.drain();
          const records = await storeRecords(store, 'asks');
          expect(since.filter((id) => !(id in records))).toEqual([]);
          const rows = await device.rows('asks');
          expect(Object.fromEntries(rows.map(({ id, value }) => [id, value]))).toEqual(records);
          expect(rows.every(({ state }) => state === 'synced')).toBe(true);
          expect((await store.rows()).length, 'each record took one revision').toBe(
            Math.max(0, ...(await store.rows()).map(({ revision }) => revision)),
          );
          await store.close();
        },
      ),
      draws(8),
    );
  },
);

const statusOf = async (device: SimulatedDevice): Promise<Status> =>
  (await device.ask({ type: 'status' })) as Status;

function never(): never {
  throw new Error('the simulation has no device');
}
