import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import { TestReplica } from '../testing/test-replica.ts';
import { readBatch, TestServer } from '../testing/test-server.ts';
import { oldDatabase, VERSION_NOW } from '../testing/test-old-database.ts';
import { SharedBrowser, stepsOf } from './shared-browser.ts';

const STEP_MS = 250;
/** A page asks again after 5 s: the answer must come earlier. */
const ANSWER_MS_MAX = 5_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  // Dexie warns about each.
  vi.spyOn(console, 'warn').mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Lets this much time pass, while the database does its work. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    await vi.advanceTimersByTimeAsync(STEP_MS);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * A device, signed in and online, on a database of an older or newer version, with an unsent
 * record.
 */
async function deviceOf(
  version: number,
): Promise<{ readonly device: TestReplica; readonly server: TestServer }> {
  const device = new TestReplica();
  const server = new TestServer();
  device.transport = server.transport;
  await device.signIn();
  await device.put('x', { n: 1 });
  await device.restart();
  device.indexedDB = await oldDatabase(device.indexedDB, version);
  return { device, server };
}

/** The connection of another tab. */
function connectionTo(indexedDB: IDBFactory): Promise<IDBDatabase> {
  const request = indexedDB.open('updraft:ana');
  return new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
}

const sent = (server: TestServer): string[] =>
  [...new Set(server.batches)].flatMap(readBatch).map(({ id }) => id);

test(
  drawn('fault 14: an older tab that closes late: answers in time, captures sent once'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    const stories = fc.record({
      version: fc.integer({ min: 1, max: VERSION_NOW - 1 }),
      isDeaf: fc.boolean(),
      holdsMs: fc.nat({ max: 15_000 }),
      requests: fc.array(fc.nat({ max: 4_000 }), { minLength: 1, maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(stories, async ({ version, isDeaf, holdsMs, requests }) => {
        const { device, server } = await deviceOf(version);
        const tab = await connectionTo(device.indexedDB);
        if (!isDeaf) tab.onversionchange = () => tab.close();
        const letGo = setTimeout(() => tab.close(), holdsMs);
        const taken: string[] = [];
        const asked: Promise<void>[] = [];
        let answered = 0;
        for (const [at, gap] of requests.entries()) {
          asked.push(capture(device, `r${at}`, taken).then(() => void answered++));
          await pass(gap);
        }
        await pass(ANSWER_MS_MAX);
        expect(answered, 'a page asks again after 5 s').toBe(asked.length);
        clearTimeout(letGo);
        tab.close();
        await pass(STEP_MS);
        device.forget();
        await capture(device, 'last', taken);
        expect(taken).toContain('last');
        device.isOnline = true;
        for (let round = 0; round < 3; round++) await device.sync();
        expect(sent(server).sort()).toEqual(['x', ...taken].sort());
      }),
      draws(8),
    );
  },
);

/** Captures as the worker does: a replica that did not open is opened anew for the next request. */
async function capture(device: TestReplica, id: string, taken: string[]): Promise<void> {
  try {
    await device.put(id);
    taken.push(id);
  } catch (error) {
    if (!(error instanceof UpdraftError) || error.kind !== 'storage-blocked') throw error;
    device.forget();
  }
}

test(
  drawn('fault 16: an older database is taken over whole, a newer is not touched'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    const stories = fc.array(
      fc.record({
        version: fc.integer({ min: VERSION_NOW - 2, max: VERSION_NOW + 2 }),
        captures: fc.integer({ min: 0, max: 3 }),
      }),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    await fc.assert(
      fc.asyncProperty(stories, async (story) => {
        const { device, server } = await deviceOf(VERSION_NOW);
        const taken = ['x'];
        for (const [at, { version, captures }] of story.entries()) {
          await device.restart();
          const before = device.indexedDB;
          device.indexedDB = await oldDatabase(before, version);
          for (let n = 0; n < captures; n++) {
            const kind = await device.refusal({
              type: 'capture',
              requestId: `q${at}-${n}`,
              collection: 'asks',
              change: { op: 'put', value: { id: `r${at}-${n}` } },
            });
            expect(kind).toBe(version > VERSION_NOW ? 'reload-needed' : 'none');
            if (kind === 'none') taken.push(`r${at}-${n}`);
            else device.forget();
          }
          // The newer app is removed again, and leaves everything unchanged.
          if (version > VERSION_NOW)
            device.indexedDB = await oldDatabase(device.indexedDB, VERSION_NOW);
        }
        device.isOnline = true;
        for (let round = 0; round < 3; round++) await device.sync();
        expect(sent(server).sort()).toEqual(taken.sort());
      }),
      draws(8),
    );
  },
);

test(
  drawn('fault 16: a provider of another version: held, nothing voided, all arrives later'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    const ana = stepsOf(fc.constant('ana' as const));
    const step = fc.oneof(
      fc.record({
        do: fc.constant('protocol' as const),
        protocol: fc.integer({ min: -1, max: 4 }),
      }),
      ana.capture,
      ana.drain,
      fc.record({ do: fc.constant('restart' as const), user: fc.constant('ana' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 25 }),
        fc.constantFrom('plugin' as const, 'dag' as const),
        fc.nat(),
        async (story, via, seed) => {
          const browser = new SharedBrowser(via, seed);
          await browser.signIn('ana', 'ana', 'sealed');
          for (const each of story) {
            if (each.do === 'protocol') browser.airflow.protocol = each.protocol;
            else await browser.do(each);
          }
          expect(await browser.devices.ana.ask({ type: 'status' })).toMatchObject({
            conflicts: 0,
            deadLetters: 0,
          });
          browser.airflow.protocol = 2;
          await browser.expectAllArrives();
          expect(await browser.devices.ana.ask({ type: 'status' })).toMatchObject({
            conflicts: 0,
            deadLetters: 0,
          });
        },
      ),
      draws(8),
    );
  },
);
