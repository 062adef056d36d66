import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCollections } from '../shared/collections.ts';
import type { ExchangeResponse } from '../shared/exchange.ts';
import type { Broadcast, ChangeCommand, UpdraftEvent } from '../shared/messages.ts';
import type { Status } from '../shared/status.ts';
import { handleCommand } from './commands/handle-command.ts';
import { openReplica, type OpenReplica } from './open-replica.ts';
import type { HistoryEntry, WakeReason } from '../shared/history.ts';
import type { WakeUpQueue } from './wake/wake-up-queue.ts';
import { NO_CALLS } from './testing/test-replica.ts';
import { ReplicaStore } from './store/replica-store.ts';
import { STATUS_DELAY_MS } from './status/status-reporter.ts';
import { stateOf } from './record/row.ts';
import type { Credentials } from './transport/credentials.ts';
import { Traffic } from './transport/traffic.ts';
import type { Effect, ExchangeJob } from './transport/transport.ts';
import type { World } from './world.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const YEAR_MS = 365 * 24 * 3_600_000;
const DECLARATIONS = readCollections({ version: 1, collections: { asks: { schema: {} } } });
const FAILED: Effect = { kind: 'retry', for: 'network' };

let now: number;
let isOnline: boolean;
let jobs: ExchangeJob[];
/** The results of the exchanges; the last is repeated. */
let effects: ((job: ExchangeJob) => Effect | Promise<Effect>)[];
let timers: { readonly delayMs: number; readonly call: () => void; isCancelled: boolean }[];
let queue: { rows: { id: number; deliveryId: string }[]; registered: number; isBroken: boolean };
let broadcasts: Broadcast[];
let errors: string[];
let world: World;
let replica: OpenReplica;

/** A server without memory that agrees with everything. */
function agrees({ request, delivery }: ExchangeJob): Effect {
  const batch =
    request.batch === undefined
      ? undefined
      : (JSON.parse(request.batch) as {
          nonce: string;
          mutations: { collection: string; id: string }[];
        });
  const { epoch, since, floor, last } = request;
  const response: ExchangeResponse = {
    protocol: 1,
    replicaId: request.replicaId,
    echo: {
      epoch,
      since,
      floor,
      last,
      nonce: batch?.nonce ?? request.void?.nonce ?? null,
      hash: request.hash ?? null,
    },
    epoch: 'e1',
    reset: epoch === null,
    start: floor,
    changes: [],
    upTo: since,
    more: false,
    ...(request.void ? { refused: 'void' as const } : {}),
    ...(batch
      ? {
          verdicts: batch.mutations.map(({ collection, id }) => ({
            collection,
            id,
            verdict: 'applied' as const,
            revision: since + 1,
          })),
        }
      : {}),
  };
  return { kind: 'settle', response, via: 'dag', run: `run ${delivery?.number ?? 'pull'}` };
}
const fails = (): Effect => FAILED;
const CREDENTIALS: Credentials = {
  authorize: async () => FAILED,
  unchecked: async () => FAILED,
  forget: async () => undefined,
  signIn: async () => undefined,
};

beforeEach(async () => {
  [now, isOnline, jobs, effects] = [NOW, true, [], [agrees]];
  [timers, broadcasts, errors] = [[], [], []];
  queue = { rows: [], registered: 0, isBroken: false };
  let names = 0;
  const orBroken = async <T>(body: () => T): Promise<T> => {
    if (queue.isBroken) throw new Error('the database connection is closing');
    return body();
  };
  const wakeUps: WakeUpQueue = {
    peek: () => orBroken(() => [...queue.rows]),
    push: (deliveryId) => orBroken(() => void queue.rows.push({ id: ++names, deliveryId })),
    remove: ({ id }) =>
      orBroken(() => void (queue.rows = queue.rows.filter((row) => row.id !== id))),
    register: async () => ++queue.registered > 0,
  };
  world = {
    user: 'ana',
    app: '/',
    declarations: DECLARATIONS,
    store: new ReplicaStore('updraft:ana', DECLARATIONS, {
      indexedDB: new IDBFactory(),
      IDBKeyRange,
    }),
    mirror: {
      read: async () => undefined,
      write: async () => undefined,
      remove: async () => undefined,
      pause: () => new Promise<void>(() => undefined),
    },
    queue: wakeUps,
    airflow: '/airflow',
    calls: NO_CALLS,
    transport: {
      carriesPrivate: true,
      exchange: async (job) => {
        jobs.push(job);
        return ((effects.length > 1 ? effects.shift() : effects[0]) ?? fails)(job);
      },
    },
    clock: {
      now: () => now,
      after: (delayMs, call) => {
        const timer = { delayMs, call, isCancelled: false };
        timers.push(timer);
        return () => (timer.isCancelled = true);
      },
    },
    random: { hex: () => `name${++names}`, fraction: () => 0.5 },
    locks: { exclusive: (_name, body) => body() },
    logger: {
      error: (message) => errors.push(message),
      info: () => undefined,
      debug: () => undefined,
    },
    durability: async () => 'best-effort',
    isOnline: () => isOnline,
    broadcast: (message) => broadcasts.push(message),
  };
  replica = await openReplica(world, CREDENTIALS);
  await signIn();
});
afterEach(() => {
  replica.drain.close();
});

async function signIn(): Promise<void> {
  await handleCommand(replica, { type: 'sign-in', credentials: { kind: 'memory', token: 't' } });
}
let requests = 0;
const capture = (change: ChangeCommand): Promise<unknown> =>
  replica.pipeline.capture({ requestId: `q${++requests}`, collection: 'asks', change });
const put = (id: string, part: object = {}): Promise<unknown> =>
  capture({ op: 'put', value: { id, ...part } });
const drain = (reason: WakeReason = 'person'): Promise<void> => replica.drain.run(reason);
const status = (): Promise<Status> => replica.desk.reporter.status();
/** Delays of the drains that are to come; a status that is to be told is none. */
const armed = (): number[] =>
  timers
    .filter(({ isCancelled, delayMs }) => !isCancelled && delayMs !== STATUS_DELAY_MS)
    .map(({ delayMs }) => delayMs);
const sent = (): string[] =>
  jobs.map(({ request }) =>
    request.batch ? `batch ${idsIn(request.batch)}` : request.void ? 'void' : 'pull',
  );
const idsIn = (batch: string): string =>
  (JSON.parse(batch) as { mutations: { id: string }[] }).mutations.map(({ id }) => id).join('+');
const states = async (): Promise<string[]> =>
  (await world.store.read((tx) => tx.unsettled())).map(stateOf);
const log = async (kind: HistoryEntry['kind']): Promise<HistoryEntry[]> =>
  (await world.store.read((tx) => tx.history({ kinds: [kind] }))).toReversed();
/** The moves of all deliveries, in order. */
const moves = async (): Promise<string[]> =>
  (await log('delivery-moved')).flatMap((entry) =>
    entry.kind === 'delivery-moved'
      ? [`${entry.from}→${entry.to}${entry.why ? ` (${entry.why})` : ''}`]
      : [],
  );
const told = (): UpdraftEvent['type'][] =>
  broadcasts.flatMap((message) =>
    'events' in message ? message.events.map(({ type }) => type) : [],
  );
/** A synchronized device without work. */
async function settledDown(): Promise<void> {
  await drain();
  [jobs, timers, broadcasts] = [[], [], []];
}

describe('the way of a change', () => {
  test('a replica’s first exchange is a pull; captures follow in the same drain', async () => {
    await put('x');
    await drain();
    expect(sent()).toEqual(['pull', 'batch x']);
    expect(await status()).toMatchObject({ unsent: 0, ready: true, phase: 'idle' });
    expect(queue.rows).toEqual([]);
  });
  test('an accepted change has a row and a registration before the page is answered', async () => {
    isOnline = false;
    await put('x');
    expect(queue).toMatchObject({ rows: [{}], registered: 1 });
  });
  test('law 5: an unwritable wake-up list costs neither change nor wake-up', async () => {
    queue.isBroken = true;
    await put('x');
    expect(queue.registered).toBe(1);
    await drain();
    expect(await status()).toMatchObject({ unsent: 0 });
  });
  test('offline nothing is sealed; back online, one batch takes everything', async () => {
    await settledDown();
    isOnline = false;
    await put('x');
    await drain('capture');
    await put('y');
    await drain('capture');
    expect(jobs).toEqual([]);
    expect(await status()).toMatchObject({ unsent: 2, waiting: { for: 'network' } });
    isOnline = true;
    await drain('online');
    expect(sent()).toEqual(['batch x+y']);
  });
  test('a DAG run to be deleted is deleted after its answer is stored, and only then', async () => {
    const forgotten: unknown[] = [];
    const forget = async (run: string): Promise<void> =>
      void forgotten.push([run, (await status()).unsent]);
    Object.assign(world.transport, { forget });
    await put('x');
    effects = [agrees, () => ({ kind: 'wait-run', paused: false }), agrees];
    await drain();
    expect(forgotten).toEqual([['run pull', 1]]);
    await drain();
    expect(forgotten).toEqual([
      ['run pull', 1],
      ['run 1', 0],
    ]);
    expect(await world.store.read((tx) => tx.record('asks', 'x', 0))).not.toHaveProperty('run');
  });
  test('law 3: a resend has the same bytes; later captures wait for the next batch', async () => {
    await settledDown();
    effects = [fails, agrees];
    await put('x', { a: 1 });
    await drain();
    await put('x', { a: 2 });
    await drain();
    const { device: _, ...again } = jobs[1]?.request ?? {};
    expect(
      { ...again, device: jobs[0]?.request.device },
      'all but what the device says of itself',
    ).toEqual(jobs[0]?.request);
    expect(sent()).toEqual(['batch x', 'batch x', 'batch x']);
    expect(JSON.stringify(jobs[2]?.request.batch)).toContain('2');
  });
});

describe('offline nothing is sealed', () => {
  test('when the network goes during a pull, captures made meanwhile are not sealed', async () => {
    effects = [
      async (job) => {
        isOnline = false;
        await put('x');
        return agrees(job);
      },
      agrees,
    ];
    await drain('connect');
    expect(sent()).toEqual(['pull']);
    expect(await states()).toEqual(['local']);
  });
  test('a sync event before the network is back asks first, and seals nothing', async () => {
    await settledDown();
    isOnline = false;
    await put('x');
    effects = [fails];
    await drain('sync-event');
    expect(sent()).toEqual(['pull']);
    expect(await states()).toEqual(['local']);
  });
  test('a browser may be wrong about the network: any answer counts', async () => {
    await settledDown();
    isOnline = false;
    await put('x');
    await drain('sync-event');
    expect(sent()).toEqual(['pull', 'batch x']);
    expect(await status()).toMatchObject({ unsent: 0 });
  });
});

test.each([
  ['plugin', [70]],
  ['dag', [62, 8]],
] as const)('a batch holds as much as its transport carries: %s', async (via, sizes) => {
  const by = (job: ExchangeJob): Effect => ({
    ...(agrees(job) as Extract<Effect, { kind: 'settle' }>),
    via,
  });
  effects = [by];
  await settledDown();
  isOnline = false;
  await Promise.all(
    Array.from({ length: 70 }, (_, at) => put(`r${at}`, { text: 'x'.repeat(2_000) })),
  );
  isOnline = true;
  await drain();
  expect(jobs.map(({ request }) => idsIn(request.batch ?? '').split('+').length)).toEqual(sizes);
  expect(await status()).toMatchObject({ unsent: 0, via, live: via === 'plugin' });
});

describe('law 7: unfinished work has a wake-up', () => {
  beforeEach(settledDown);

  test('after a failure: a timer at the end of the backoff', async () => {
    effects = [fails];
    await put('x');
    await drain();
    expect(armed()).toEqual([1_000]);
    expect(await status()).toMatchObject({
      phase: 'waiting',
      waiting: { for: 'airflow', failures: 1, until: NOW + 1_000 },
    });
  });
  test('a backoff that ends before the drain does is followed at once, not never', async () => {
    effects = [fails];
    await put('x');
    const { register } = world.queue;
    Object.assign(world.queue, { register: () => ((now += 5_000), register()) });
    await drain();
    expect(armed()).toEqual([0]);
  });
  test('a timer that fires offline does not fire again and again', async () => {
    effects = [fails];
    await put('x');
    await drain();
    isOnline = false;
    now += 1_000;
    await drain('timer');
    expect(armed().filter((delayMs) => delayMs === 0)).toEqual([]);
    expect(jobs).toHaveLength(1);
  });
  test('fault 33: after a jump of the clock by a year the timer stays short', async () => {
    effects = [fails];
    await put('x');
    await drain();
    now -= YEAR_MS;
    await drain('heartbeat');
    expect(jobs).toHaveLength(2);
    for (const delayMs of armed()) expect(delayMs).toBeLessThanOrEqual(3_600_000);
  });
  test('fault 8: after a failed transaction the drain rejects, and tries again later', async () => {
    await put('x');
    effects = [() => Promise.reject(new Error('storage is broken'))];
    await expect(drain()).rejects.toThrow('storage is broken');
    expect(armed()).toHaveLength(1);
    expect(await status()).toMatchObject({ phase: 'idle', unsent: 1 });
    expect(await replica.drain.isWorkLeft()).toBe(true);
  });
  test('an empty net does not hide the changes behind', async () => {
    await world.store.write(async (tx) =>
      tx.putReplica({ ...(await tx.replica()), mutationsMax: 1 }),
    );
    await put('x', { a: 0 });
    await drain();
    jobs = [];
    await capture({ op: 'patch', id: 'x', set: { a: 1 }, removed: [] });
    // The state that a voided batch leaves when the edit was taken back meanwhile.
    await world.store.write(async (tx) => {
      const record = await tx.record('asks', 'x', 0);
      if (record.pending)
        await tx.putRecords([
          {
            ...record,
            pending: {
              ...record.pending,
              net: { kind: 'edit', set: { a: 0 }, removed: [], inc: {} },
            },
          },
        ]);
      await tx.putReplica({ ...(await tx.replica()), mutationsMax: 1 });
    });
    await put('y');
    await drain();
    expect(sent()).toEqual(['batch y']);
    expect(await status()).toMatchObject({ unsent: 0 });
  });
});

describe('a batch refused as a whole does not block the only lane', () => {
  const refuses = (): Effect => ({
    kind: 'refuse',
    reason: { kind: 'too_large', message: 'Airflow refused the request with status 413' },
  });

  test('is voided at once, and its mutations travel in smaller batches', async () => {
    await settledDown();
    for (const id of ['a', 'b']) await put(id);
    effects = [refuses, agrees];
    await drain();
    expect(sent()).toEqual(['batch a+b', 'void', 'batch a', 'batch b']);
    expect(await status()).toMatchObject({ unsent: 0, deadLetters: 0 });
  });
  test('is split until the answer can carry the verdicts, and loses no mutation', async () => {
    await settledDown();
    const reason = {
      kind: 'too_large',
      message:
        'the batch’s verdicts with their records exceed 4194304 bytes: void the batch and split it',
    };
    const mutationsIn = ({ request: { batch = '{"mutations":[]}' } }: ExchangeJob): number =>
      (JSON.parse(batch) as { mutations: unknown[] }).mutations.length;
    const bringsThreeAtMost = (job: ExchangeJob): Effect => {
      const effect = agrees(job) as Extract<Effect, { kind: 'settle' }>;
      if (mutationsIn(job) <= 3) return effect;
      const { verdicts: _, ...response } = effect.response;
      return { ...effect, response: { ...response, refused: 'invalid', reason } };
    };
    effects = [bringsThreeAtMost];
    isOnline = false;
    await Promise.all(Array.from({ length: 10 }, (_, n) => put(`r${n}`)));
    isOnline = true;
    await drain();
    expect(await status()).toMatchObject({ unsent: 0, deadLetters: 0 });
    expect(
      (await moves()).filter((move) => move.endsWith('dead (too_large)')).length,
      'batches refused',
    ).toBeGreaterThan(0);
  });
  test('fault 36: is split down to the poisonous mutation, a dead letter', async () => {
    await settledDown();
    for (const id of ['fine', 'poison']) await put(id);
    effects = [(job) => (job.request.batch?.includes('poison') ? refuses() : agrees(job))];
    await drain();
    expect(sent()).toEqual(['batch fine+poison', 'void', 'batch fine', 'batch poison', 'void']);
    expect(await status()).toMatchObject({ unsent: 1, deadLetters: 1, waiting: { for: 'person' } });
    expect(await replica.drain.isWorkLeft()).toBe(false);
  });
});

describe('a proxy that refuses bodies above 64 KiB, and one mutation that nobody takes', () => {
  const BODY_BYTES_MAX = 65_536;
  const words = 'Airflow refused the request with status 422: the server’s own words';
  const proxied = (job: ExchangeJob): Effect => {
    const body = JSON.stringify(job.request);
    if (body.length > BODY_BYTES_MAX)
      return {
        kind: 'refuse',
        reason: { kind: 'too_large', message: 'Airflow refused the request with status 413' },
      };
    if (body.includes('poison'))
      return { kind: 'refuse', reason: { kind: 'malformed', message: words } };
    const effect = agrees(job) as Extract<Effect, { kind: 'settle' }>;
    return { ...effect, via: 'plugin' };
  };

  test(
    'fault 36: of 1,000 all others are settled; the refused mutation is a dead letter',
    { timeout: 120_000 },
    async () => {
      effects = [proxied];
      await settledDown();
      isOnline = false;
      await Promise.all(
        Array.from({ length: 1_000 }, (_, n) =>
          put(n === 617 ? 'poison' : `r${n}`, { text: 'x'.repeat(150) }),
        ),
      );
      isOnline = true;
      await drain();
      expect(await status()).toMatchObject({
        unsent: 1,
        deadLetters: 1,
        waiting: { for: 'person' },
      });
      expect(await handleCommand(replica, { type: 'dead-letters' })).toMatchObject({
        result: [{ id: 'poison', reason: { kind: 'malformed', message: words } }],
      });
      expect(jobs.length, 'requests').toBeLessThan(70);
      expect(
        (await moves()).filter((move) => move.endsWith('dead (too_large)')).length,
        'bodies refused for their size',
      ).toBeLessThan(5);
    },
  );

  test('batches grow back to their size', { timeout: 120_000 }, async () => {
    effects = [proxied];
    await settledDown();
    await put('poison');
    await drain();
    isOnline = false;
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => put(`r${n}`)));
    isOnline = true;
    jobs = [];
    await drain();
    expect(await status()).toMatchObject({ unsent: 1, deadLetters: 1 });
    expect(jobs.length).toBeLessThan(20);
  });
});

describe('the ladder of wake-ups', () => {
  /** How the browser was asked: for its own tag, or for a fresh tag. */
  let asked: boolean[];
  beforeEach(async () => {
    await settledDown();
    asked = [];
    Object.assign(world.queue, { register: async (isStuck = false) => asked.push(isStuck) > 0 });
    effects = [fails];
  });
  const fresh = (): number => asked.filter(Boolean).length;

  test('a sync event that leaves work fails; later captures get a fresh tag, once', async () => {
    await put('x');
    expect(await replica.drain.inSlices('sync-event')).toBe(true);
    expect(fresh()).toBe(0);
    await put('y');
    expect(fresh()).toBe(1);
    await put('z');
    await drain('heartbeat');
    expect(fresh()).toBe(1);
  });
  test('an open page gets a fresh tag offline; online a tag would fire at once', async () => {
    await put('x');
    await replica.drain.inSlices('sync-event');
    await drain('heartbeat');
    expect(fresh()).toBe(0);
    isOnline = false;
    await drain('heartbeat');
    await drain('heartbeat');
    expect(fresh()).toBe(1);
  });
  test('a sync event that drained everything leaves no tag stuck', async () => {
    effects = [agrees];
    await put('x');
    expect(await replica.drain.inSlices('sync-event')).toBe(false);
    await put('y');
    expect(fresh()).toBe(0);
  });
  describe('while the browser still says “offline”', () => {
    /** Waits within the event, in ms; each is over at once. */
    let waits: number[];
    beforeEach(async () => {
      isOnline = false;
      waits = [];
      await put('x');
      const { after } = world.clock;
      Object.assign(world.clock, {
        after: (delayMs: number, call: () => void) => {
          if (delayMs === STATUS_DELAY_MS) return after(delayMs, call);
          waits.push(delayMs);
          now += delayMs;
          queueMicrotask(call);
          return () => undefined;
        },
      });
    });

    test('a sync event tries again: the network comes a moment after the event', async () => {
      effects = [fails, fails, agrees];
      expect(await replica.drain.inSlices('sync-event')).toBe(false);
      expect(waits).toEqual([1_000, 2_000]);
      expect(sent().at(-1)).toBe('batch x');
    });
    test('a sync event gives up after 15 s, and the browser comes back', async () => {
      expect(await replica.drain.inSlices('sync-event')).toBe(true);
      expect(waits).toEqual([1_000, 2_000, 4_000, 8_000]);
    });
    test('no wait where the event drained everything, or no sync event woke', async () => {
      expect(await replica.drain.inSlices('periodic-sync')).toBe(true);
      effects = [agrees];
      expect(await replica.drain.inSlices('sync-event')).toBe(false);
      expect(waits).toEqual([]);
    });
  });
  test('the status names the working rung, and the last wake-up’s reason', async () => {
    await put('x');
    await drain('visible');
    expect((await status()).wake).toEqual({ by: 'sync', last: 'visible', lastAt: NOW });
    Object.assign(world.queue, { register: async () => false });
    await drain('heartbeat');
    expect((await status()).wake).toMatchObject({ by: 'page', last: 'heartbeat' });
  });
});

describe('a sync event works in slices', () => {
  /** Batches of one or two mutations, exchanges as slow as at the edge of the network. */
  async function backlog(count: number, exchangeMs: number): Promise<void> {
    await settledDown();
    await Promise.all(Array.from({ length: count }, (_, n) => put(`r${n}`)));
    effects = [
      async (job) => {
        now += exchangeMs;
        await world.store.write(async (tx) =>
          tx.putReplica({ ...(await tx.replica()), mutationsMax: 1 }),
        );
        return agrees(job);
      },
    ];
    await world.store.write(async (tx) =>
      tx.putReplica({ ...(await tx.replica()), mutationsMax: 1 }),
    );
  }
  /** When each lock was taken and given back, in seconds. */
  const slices: [number, number][] = [];
  beforeEach(() => {
    slices.length = 0;
    Object.assign(world.locks, {
      exclusive: async (_name: string, body: () => Promise<void>) => {
        const began = now;
        await body();
        slices.push([(began - NOW) / 1_000, (now - NOW) / 1_000]);
      },
    });
  });

  test('of less than a minute, in sequence, until everything is sent', async () => {
    await backlog(14, 9_000);
    slices.length = 0;
    expect(await replica.drain.inSlices('sync-event')).toBe(false);
    expect(slices).toEqual([
      [0, 27],
      [27, 54],
      [54, 72],
    ]);
  });
  test(
    'stops before the browser’s limit, and reports the work left',
    { timeout: 60_000 },
    async () => {
      await backlog(40, 9_000);
      expect(await replica.drain.inSlices('sync-event')).toBe(true);
      expect(now - NOW).toBeLessThan(150_000);
      expect((await status()).unsent).toBeGreaterThan(0);
    },
  );
  test('does not repeat where Airflow does not answer', async () => {
    await backlog(3, 0);
    effects = [fails];
    expect(await replica.drain.inSlices('sync-event')).toBe(true);
    expect(jobs).toHaveLength(1);
  });
});

describe('the log of the engine’s work', () => {
  test('holds every move of a delivery, from its opening to its end', async () => {
    await settledDown();
    effects = [fails, agrees];
    await put('x');
    await drain();
    await drain();
    expect(await moves()).toEqual([
      'none→open',
      'open→sealed',
      'sealed→sending',
      'sending→waiting (airflow)',
      'waiting→sending',
      'sending→settled',
    ]);
  });
  test('holds every attempt, with its result and the wake-up’s reason', async () => {
    await settledDown();
    effects = [() => ({ kind: 'hold', for: 'forbidden' }), agrees];
    await put('x');
    await drain('capture');
    now += 5_000;
    await drain('visible');
    const attempts = (await log('attempt')).slice(-2);
    expect(attempts).toMatchObject([
      { outcome: 'hold', why: 'forbidden', wake: 'capture', attempt: 1, durationMs: 0 },
      { outcome: 'settle', via: 'dag', wake: 'visible', attempt: 1, at: now },
    ]);
    expect(await moves()).toContain('sending→parked (forbidden)');
  });
  test('law 9: holds neither record contents nor credentials', async () => {
    await put('x', { secret: 'only for Airflow' });
    await drain();
    expect(JSON.stringify(await world.store.read((tx) => tx.history({})))).not.toContain(
      'only for Airflow',
    );
  });
});

describe('the status', () => {
  test('says since when the oldest change waits, on the device or sealed', async () => {
    await settledDown();
    isOnline = false;
    await put('x');
    now += 60_000;
    await put('x', { a: 1 });
    await put('y');
    expect(await status()).toMatchObject({ oldestAt: NOW });
    isOnline = true;
    effects = [fails, agrees];
    await drain();
    now += 60_000;
    expect(await status(), 'sealed').toMatchObject({ oldestAt: NOW });
    await drain();
    expect(await status()).not.toHaveProperty('oldestAt');
  });
  test('counts the bytes of all exchanges, failed ones too', async () => {
    await settledDown();
    const traffic = new Traffic();
    Object.assign(world.transport, { traffic });
    const counted = (effect: (job: ExchangeJob) => Effect) => (job: ExchangeJob) => {
      traffic.sent += 100;
      traffic.received += 30;
      traffic.status = 200;
      return effect(job);
    };
    effects = [counted(fails), counted(agrees)];
    await put('x');
    await drain();
    await drain();
    expect(await status()).toMatchObject({ bytes: { sent: 200, received: 60 } });
    expect((await log('attempt')).at(-1)).toMatchObject({
      bytesSent: 100,
      bytesReceived: 30,
      status: 200,
    });
  });
});

describe('fault 25: a server in trouble', () => {
  beforeEach(settledDown);
  const troubled = (): Effect => ({ kind: 'retry', for: 'airflow', retryAfterMs: 30_000 });

  test('is asked again at the named time, by one timer', async () => {
    effects = [troubled];
    await put('x');
    await drain('capture');
    expect(armed()).toEqual([33_000]);
    expect(await status()).toMatchObject({ waiting: { for: 'airflow', until: NOW + 33_000 } });
    await put('y');
    await drain('capture');
    expect(jobs).toHaveLength(1);
  });
  test('found by another lane, is not asked by this lane until Airflow is back', async () => {
    replica.circuit.begin();
    await replica.circuit.report({ kind: 'struggles' });
    await put('x');
    await drain('capture');
    expect([jobs.length, armed()]).toEqual([0, [1_000]]);
    replica.circuit.begin();
    await replica.circuit.report({ kind: 'answered' });
    await drain('timer');
    expect(sent()).toEqual(['batch x']);
  });
});

describe('fault 23: credentials are refused', () => {
  const refused = (): Effect => ({ kind: 'sign-in', reason: 'refused' });
  beforeEach(async () => {
    await settledDown();
    await put('x');
  });

  test('the queue is parked, the page is told once, and only a sign-in resumes', async () => {
    effects = [refused];
    await drain();
    for (const reason of ['heartbeat', 'online', 'person', 'timer'] as const) await drain(reason);
    expect(jobs).toHaveLength(1);
    expect(told().filter((type) => type === 'auth-required')).toHaveLength(1);
    expect(await status()).toMatchObject({
      auth: 'required',
      waiting: { for: 'sign-in' },
      unsent: 1,
    });
    expect(armed()).toEqual([]);
    effects = [agrees];
    await signIn();
    await drain('sign-in');
    expect(await status()).toMatchObject({ auth: 'ok', unsent: 0 });
  });
  test('a sign-in during the refusal’s flight is not parked again', async () => {
    effects = [
      async () => {
        await signIn();
        return refused();
      },
      agrees,
    ];
    await drain();
    await drain('sign-in');
    expect(told()).not.toContain('auth-required');
    expect(await status()).toMatchObject({ auth: 'ok', unsent: 0 });
  });
});

describe('news of the server store', () => {
  beforeEach(settledDown);
  const seen = async (): Promise<number> => (await replica.desk.replica()).since;

  test('are pulled at once', async () => {
    await replica.drain.news({ epoch: 'e1', revision: (await seen()) + 1 });
    expect(sent()).toEqual(['pull']);
  });
  test('of another epoch too: this epoch’s checkpoint says nothing about the other', async () => {
    await replica.drain.news({ epoch: 'e2', revision: 0 });
    expect(sent()).toEqual(['pull']);
  });
  test('are skipped when this replica has already got that far', async () => {
    await replica.drain.news({ epoch: 'e1', revision: await seen() });
    expect(sent()).toEqual([]);
  });
  test('of the running exchange’s own changes are skipped once settled', async () => {
    await put('x');
    effects = [
      async (job) => {
        void replica.drain.news({ epoch: 'e1', revision: job.request.since + 1 });
        const effect = agrees(job) as Extract<Effect, { kind: 'settle' }>;
        return { ...effect, response: { ...effect.response, upTo: job.request.since + 1 } };
      },
    ];
    await drain();
    await drain('timer');
    expect(sent()).toEqual(['batch x']);
  });
  test('that could not be pulled are pulled at the next chance', async () => {
    effects = [fails, agrees];
    await replica.drain.news({ epoch: 'e1', revision: (await seen()) + 1 });
    expect(armed()).toEqual([1_000]);
    now += 1_000;
    await drain('timer');
    expect(sent()).toEqual(['pull', 'pull']);
  });
});

test('a pull answered by an earlier attempt’s run is repeated for later changes', async () => {
  await settledDown();
  effects = [
    (job) => ({ ...(agrees(job) as Extract<Effect, { kind: 'settle' }>), isEarlier: true }),
    agrees,
  ];
  await replica.drain.news({ epoch: 'e1', revision: 1 + (await replica.desk.replica()).since });
  expect(sent()).toEqual(['pull', 'pull']);
});

describe('the collections of a replica', () => {
  test('a transport for private collections: they are read from the beginning', async () => {
    await settledDown();
    const own = { ...DECLARATIONS['asks'], read: 'own' } as (typeof DECLARATIONS)[string];
    const open = (carriesPrivate: boolean): Promise<OpenReplica> =>
      openReplica(
        {
          ...world,
          declarations: { ...DECLARATIONS, own },
          transport: { ...world.transport, carriesPrivate },
        },
        CREDENTIALS,
      );
    await world.store.write(async (tx) => tx.putReplica({ ...(await tx.replica()), since: 5 }));
    expect(await (await open(false)).desk.replica(), 'the private one is not held').toMatchObject({
      since: 5,
      ready: true,
    });
    expect(await (await open(true)).desk.replica()).toMatchObject({ since: 0, ready: false });
  });
});

test('a wiped replica tries nothing further', async () => {
  effects = [fails];
  await put('x');
  await drain();
  await handleCommand(replica, { type: 'sign-out', unsent: 'discard' });
  expect(armed()).toEqual([]);
  jobs = [];
  for (const { call } of timers) call();
  await drain();
  expect(jobs).toEqual([]);
  expect(errors).toEqual([]);
});

describe('a run without a valid answer is not fetched again for ever', () => {
  const refusedAs =
    (refused: 'user_mismatch' | 'invalid', reason?: { kind: string; message: string }) =>
    async (job: ExchangeJob): Promise<Effect> => {
      await job.onAccepted(`run a${job.delivery?.attempt}`);
      const effect = agrees(job) as Extract<Effect, { kind: 'settle' }>;
      const { verdicts: _, ...response } = effect.response;
      return { ...effect, response: { ...response, refused, ...(reason ? { reason } : {}) } };
    };
  beforeEach(async () => {
    await settledDown();
    await put('x');
  });

  test('triggered as another user: the next attempt has a new run', async () => {
    effects = [refusedAs('user_mismatch'), agrees];
    await drain();
    expect(await status()).toMatchObject({ waiting: { for: 'other-user' }, unsent: 1 });
    await signIn();
    await drain('sign-in');
    expect(jobs.at(-1)?.delivery).toEqual({ number: 1, attempt: 2 });
    expect(await status()).toMatchObject({ unsent: 0 });
  });
  test('fault 16: a provider of another protocol: held, not voided; then a new run', async () => {
    effects = [
      refusedAs('invalid', { kind: 'protocol', message: 'this server speaks protocol 2' }),
      agrees,
    ];
    await drain();
    expect(await status()).toMatchObject({ waiting: { for: 'update' }, unsent: 1 });
    await drain('visible');
    expect(sent()).toEqual(['batch x', 'batch x']);
    expect(jobs.at(-1)?.delivery).toEqual({ number: 1, attempt: 2 });
  });
  test('case B5: no room for another replica of this user: held, not voided', async () => {
    effects = [
      refusedAs('invalid', { kind: 'too_many_replicas', message: 'ana has 50 replicas' }),
      agrees,
    ];
    await drain();
    expect(await status()).toMatchObject({
      waiting: { for: 'forbidden', message: 'ana has 50 replicas' },
      unsent: 1,
    });
    await drain('visible');
    expect(sent()).toEqual(['batch x', 'batch x']);
    expect(await status()).toMatchObject({ unsent: 0 });
  });
  test('fault 36: an unreadable request is refused as a whole, and voided', async () => {
    const unread = async (job: ExchangeJob): Promise<Effect> => {
      const effect = (await refusedAs('invalid', {
        kind: 'too_large',
        message: 'the request exceeds 262144 bytes',
      })(job)) as Extract<Effect, { kind: 'settle' }>;
      const echo = { epoch: null, since: null, floor: null, last: null, nonce: null, hash: null };
      return { ...effect, response: { ...effect.response, replicaId: null, epoch: null, echo } };
    };
    effects = [unread, agrees];
    await drain();
    expect(sent()).toEqual(['batch x', 'void']);
  });
});

test('fault 72: statuses are ordered, so that a late status can be recognised', async () => {
  await drain();
  const told = broadcasts.flatMap((message) => ('status' in message ? [message.status.order] : []));
  const orders = [...told, (await status()).order];
  expect(orders.length).toBeGreaterThan(2);
  const numbers = orders.map((order) => order?.number ?? 0);
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  expect(new Set(orders.map((order) => order?.worker)).size).toBe(1);
});
