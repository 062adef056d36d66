import * as fc from 'fast-check';
import { forceCloseDatabase, IDBDatabase, IDBFactory, IDBObjectStore } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isStorageError } from '../store/store-errors.ts';
import { CallsDevice } from '../calls/calls-device.ts';
import type { Fault } from '../testing/test-airflow.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import { Site, type Way } from './site.ts';

/** After `after` successful calls of the browser's database, `count` calls fail. */
interface Trouble {
  readonly what: 'transaction' | 'put' | 'open';
  readonly after: number;
  readonly count: number;
}
let troubles: (Trouble & { calls: number })[];
beforeEach(() => {
  troubles = [];
  // Dexie warns about each.
  vi.spyOn(console, 'warn').mockReturnValue();
  meet('transaction', IDBDatabase.prototype, 'transaction', () => {
    throw new DOMException('The database connection is closing.', 'InvalidStateError');
  });
  // fake-indexeddb types the instance as its class.
  const closeByForce = forceCloseDatabase as unknown as (connection: IDBDatabase) => void;
  meet('put', IDBObjectStore.prototype, 'put', (store) =>
    closeByForce((store as IDBObjectStore).transaction.db),
  );
  meet('open', IDBFactory.prototype, 'open', () => {
    throw new DOMException(
      'Internal error opening backing store for indexedDB.open.',
      'UnknownError',
    );
  });
});
afterEach(() => vi.restoreAllMocks());

/** Makes calls of the method fail according to the current troubles. */
function meet(
  what: Trouble['what'],
  prototype: object,
  method: string,
  fail: (self: object) => void,
): void {
  const original = Reflect.get(prototype, method) as (...args: unknown[]) => unknown;
  vi.spyOn(prototype as Record<string, (...args: unknown[]) => unknown>, method).mockImplementation(
    function (this: object, ...args: unknown[]) {
      const now = troubles.filter((trouble) => trouble.what === what);
      for (const trouble of now) trouble.calls++;
      if (now.some(({ after, count, calls }) => calls > after && calls <= after + count))
        fail(this);
      return original.apply(this, args);
    },
  );
}

const way = fc.constantFrom<Way>('through', 'through', 'response-lost', 'request-lost', 'busy');
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('capture' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drain' as const), way }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
const troubleOf = (...whats: Trouble['what'][]): fc.Arbitrary<Trouble | null> =>
  fc.option(
    fc.record({
      what: fc.constantFrom(...whats),
      after: fc.nat({ max: 12 }),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  );

describe.each<[string, Trouble['what'][]]>([
  ['fault 8: the connection closed by force', ['transaction', 'put']],
  ['fault 10: a database that does not open, at any time', ['open', 'transaction', 'put']],
])('%s', (_name, whats) => {
  test(
    drawn('at random: acknowledged captures arrive once, refused captures never'),
    { timeout: DRAWS_TIMEOUT_MS },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(step, troubleOf(...whats)), { minLength: 4, maxLength: 25 }),
          fc.nat(),
          async (steps, seed) => {
            troubles = [];
            const site = await Site.ready(seed);
            site.device.doesMirrorRest = true;
            const acknowledged: string[] = [];
            for (const [at, [each, trouble]] of steps.entries()) {
              if (trouble) troubles.push({ ...trouble, calls: 0 });
              if (each.do === 'capture') {
                if (await isTaken(site.capture(`r${at}`))) acknowledged.push(`r${at}`);
              } else if (each.do === 'drain') {
                site.ways.push(each.way);
                await isTaken(site.device.drain());
                site.ways.length = 0;
              } else site.device.stop();
            }
            troubles = [];
            await site.comeToRest();
            expect([...site.airflow.records.keys()].sort()).toEqual(acknowledged.sort());
            await site.expectExactlyOnce();
          },
        ),
        draws(10),
      );
    },
  );
});

const callStep = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('trigger' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('drain' as const),
      fault: fc.option(fc.constantFrom<Fault>('request-lost', 'answer-lost', 'portal', 'broken')),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

test(
  drawn('fault 8, 10: queued calls, too, are done once, refused, or done once at most'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(callStep, troubleOf('open', 'transaction', 'put')), {
          minLength: 4,
          maxLength: 20,
        }),
        async (steps) => {
          troubles = [];
          const device = await CallsDevice.signedIn();
          device.doesMirrorRest = true;
          device.airflow.addDag('report');
          const taken = { trigger: [] as number[], clear: [] as string[] };
          for (const [at, [each, trouble]] of steps.entries()) {
            if (trouble) troubles.push({ ...trouble, calls: 0 });
            if (each.do === 'trigger' && (await isTaken(device.trigger('report', { at }))))
              taken.trigger.push(at);
            if (each.do === 'clear' && (await isTaken(device.clear('report', 'run', `t${at}`))))
              taken.clear.push(`t${at}`);
            if (each.do === 'restart') device.stop();
            if (each.do !== 'drain') continue;
            if (each.fault) device.airflow.faults.push({ on: 'POST', fault: each.fault });
            await isTaken(device.drain());
            device.airflow.faults.length = 0;
          }
          troubles = [];
          for (let round = 0; round < 6; round++) {
            await device.later(3_600_000);
            for (const run of device.airflow.dags.get('report')?.runs.values() ?? [])
              run.state = 'success';
          }
          const runs = [...(device.airflow.dags.get('report')?.runs.values() ?? [])].map(
            ({ conf }) => (conf as { at: number }).at,
          );
          expect(
            runs.toSorted((a, b) => a - b),
            'each run once',
          ).toEqual(taken.trigger);
          const { cleared } = device.airflow;
          expect(new Set(cleared).size, 'none twice').toBe(cleared.length);
          expect(cleared.filter((task) => !taken.clear.includes(task))).toEqual([]);
          const ends = (await device.calls()).map(({ state }) =>
            state.kind === 'dead' ? state.reason.kind : state.kind,
          );
          expect(ends.filter((end) => end !== 'settled' && end !== 'outcome-unknown')).toEqual([]);
          expect(ends).toHaveLength(taken.trigger.length + taken.clear.length);
        },
      ),
      draws(8),
    );
  },
);

/** Returns whether the request was done; only the storage may fail a request. */
async function isTaken(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (!isStorageError(error)) throw error;
    return false;
  }
}
