import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import { createHttp } from '../transport/http.ts';
import { createPluginTransport } from '../transport/plugin.ts';
import type { Effect, Transport } from '../transport/transport.ts';
import { SimulatedDevice } from './device.ts';
import { FakeAirflow } from './fake-airflow.ts';
import { seeded } from './setup.ts';

const DECLARATIONS = readCollections({ version: 1, collections: { asks: { schema: {} } } });
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;

/** What becomes of one exchange. */
type Way = 'through' | 'request-lost' | 'response-lost' | 'busy' | 'busy-a-minute';

/** A device and its Airflow, with a way between them that a test can harm. */
class Site {
  readonly airflow = new FakeAirflow();
  /** Ways of the next exchanges; then all go through. */
  readonly ways: Way[] = [];
  /** When Airflow was asked, in ms since 1970 by the device's clock. */
  readonly asked: number[] = [];
  readonly device: SimulatedDevice;
  #captured = 0;

  constructor(seed = 1, transport?: Transport) {
    const ours: Transport = { carriesPrivate: true, exchange: async ({ request }) => this.#exchange(() => this.airflow.exchange(request)) };
    this.device = new SimulatedDevice({ user: 'ana', declarations: DECLARATIONS, transport: transport ?? ours, random: seeded(seed) });
  }

  /** A new record, or an edit of one. */
  async capture(id = `r${this.#captured}`): Promise<void> {
    const result = await this.device.capture('asks', { op: 'put', value: { id, n: ++this.#captured } });
    if (result instanceof Error) throw result;
  }

  /** Drains until nothing is left, as the next workers would. */
  async comeToRest(): Promise<void> {
    this.ways.length = 0;
    this.device.online = true;
    for (let round = 0; round < 5; round++) await this.device.drain();
  }

  /** Every change arrived, none took effect twice, and both sides agree. */
  async expectExactlyOnce(): Promise<void> {
    expect([...this.airflow.effects.values()].every((times) => times === 1)).toBe(true);
    const rows = await this.device.rows('asks');
    expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(rows.length > 0 ? ['synced'] : []));
    expect(new Map(rows.map(({ id, value }) => [id, value]))).toEqual(this.airflow.records);
    expect(this.device.wakeUps).toEqual([]);
  }

  #exchange(answer: () => ReturnType<FakeAirflow['exchange']>): Effect {
    this.asked.push(this.device.now);
    const way = this.ways.shift() ?? 'through';
    if (way === 'request-lost') return { effect: 'retry', for: 'network' };
    if (way === 'busy') return { effect: 'retry', for: 'airflow' };
    if (way === 'busy-a-minute') return { effect: 'retry', for: 'airflow', retryAfterMs: 60_000 };
    const response = answer();
    return way === 'response-lost' ? { effect: 'retry', for: 'network' } : { effect: 'settle', response, via: 'plugin' };
  }
}

async function ready(seed = 1): Promise<Site> {
  const site = new Site(seed);
  await site.device.signIn();
  await site.device.drain();
  return site;
}

describe('fault 1, 2, 3, 4: a worker killed', () => {
  test.each([true, false])('at every single step of a capture and its way (before the step: %s)', async (before) => {
    for (let step = 1; step <= 40; step++) {
      const site = await ready();
      await site.capture('x');
      await site.device.killIn(step, before);
      await site.capture('x');
      await site.device.drain('capture');
      await site.comeToRest();
      expect(site.airflow.records.get('x'), `killed at step ${step}`).toEqual({ id: 'x', n: 2 });
      await site.expectExactlyOnce();
    }
  });
});

const way = fc.constantFrom<Way>('through', 'request-lost', 'response-lost', 'busy', 'busy-a-minute');
const reason = fc.constantFrom('capture' as const, 'heartbeat' as const, 'visible' as const, 'sync-event' as const, 'timer' as const);
const jump = fc.constantFrom(1_000, 60_000, 8 * HOUR_MS, YEAR_MS, -YEAR_MS, -HOUR_MS);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('capture' as const), id: fc.constantFrom('x', 'y', 'z') }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('drain' as const), way, reason, killIn: fc.option(fc.integer({ min: 1, max: 25 })), before: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('clock' as const), jump }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('network' as const), online: fc.boolean() }) },
);

test('fault 1, 2, 3, 4, 18, 25, 33, 34, 42: kills, losses, trouble, sleep and clocks that jump, at random: exactly once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.nat(), async (story, seed) => {
      const site = await ready(seed);
      for (const each of story) {
        if (each.do === 'capture') await site.capture(each.id);
        else if (each.do === 'clock') site.device.now += each.jump;
        else if (each.do === 'network') site.device.online = each.online;
        else {
          site.ways.push(each.way);
          if (each.killIn !== null) await site.device.killIn(each.killIn, each.before);
          await site.device.drain(each.reason);
          site.ways.length = 0;
        }
      }
      await site.comeToRest();
      await site.expectExactlyOnce();
    }),
    { numRuns: 40 },
  );
});

test('fault 34: eight hours of sleep in the middle of a backoff: caught up on waking, by one exchange', async () => {
  const site = await ready();
  site.ways.push('busy', 'busy', 'busy');
  await site.capture('x');
  for (let failures = 0; failures < 3; failures++) await site.device.drain('visible');
  site.asked.length = 0;
  site.device.now += 8 * HOUR_MS;
  for (const woken of ['timer', 'heartbeat', 'heartbeat'] as const) await site.device.drain(woken);
  expect(site.asked.length).toBeLessThanOrEqual(2);
  await site.expectExactlyOnce();
});

test('fault 25: a server in trouble is not asked before the time, however often a heartbeat comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const site = await ready(seed);
      await site.capture('x');
      site.ways.push(...Array.from({ length: 12 }, () => 'busy-a-minute' as const));
      await site.device.drain('capture');
      site.asked.length = 0;
      const began = site.device.now;
      // A quarter of an hour, a heartbeat every 20 s.
      for (let beats = 0; beats < 45; beats++) {
        site.device.now += 20_000;
        await site.device.drain('heartbeat');
      }
      const times = [began, ...site.asked];
      for (const [at, time] of site.asked.entries()) expect(time - (times[at] ?? 0)).toBeGreaterThanOrEqual(60_000);
      expect(site.asked.length).toBeGreaterThan(5);
      await site.comeToRest();
      await site.expectExactlyOnce();
    }),
    { numRuns: 5 },
  );
});

test('fault 35: ninety days offline and 990 changes: they drain, and each took effect once', async () => {
  const site = await ready();
  site.device.online = false;
  for (let day = 0; day < 90; day++) {
    site.device.now += DAY_MS;
    await Promise.all(Array.from({ length: 11 }, () => site.capture()));
    await site.device.drain('heartbeat');
    if (day % 30 === 0) site.device.stop();
  }
  expect(site.asked).toHaveLength(1);
  site.device.online = true;
  site.ways.push('response-lost', 'busy');
  await site.comeToRest();
  expect(site.airflow.records.size).toBe(90 * 11);
  await site.expectExactlyOnce();
});

describe('fault 21, 22: what is not Airflow’s own answer', () => {
  const PORTAL = '<html><body>Sign in to this network</body></html>';
  const portals: Readonly<Record<string, (good: Response) => Promise<Response>>> = {
    'a captive portal’s page, 200': async () => new Response(PORTAL, { headers: { 'content-type': 'text/html' } }),
    'a redirect to a login page': () => Promise.reject(new TypeError('redirected')),
    'a proxy that wants a password, 407': async () => new Response(PORTAL, { status: 407 }),
    'a gateway, 502': async () => new Response('<h1>Bad Gateway</h1>', { status: 502 }),
    'a gateway, 503': async () => new Response('', { status: 503, headers: { 'retry-after': '1' } }),
    'a gateway, 504': async () => new Response('{"message":"timeout"}', { status: 504 }),
    'an answer cut short': async (good) => new Response((await good.text()).slice(0, -7)),
    'an answer with a banner appended': async (good) => new Response(`${await good.text()}<script>ad()</script>`),
    'another’s JSON': async () => Response.json({ status: 'ok' }),
    'nothing at all': async () => new Response(''),
  };

  /** A device whose plugin transport fetches from an Airflow behind something else. */
  async function behind(): Promise<{ site: Site; stands: { between: string | undefined } }> {
    const stands: { between: string | undefined } = { between: undefined };
    const site: { current?: Site } = {};
    const fetchOf: typeof fetch = async (url, init) => {
      const path = typeof url === 'string' ? url : '';
      const body = await new Response(init?.body).arrayBuffer();
      const text = await (new Headers(init?.headers).has('content-encoding')
        ? new Response(new Blob([body]).stream().pipeThrough(new DecompressionStream('gzip'))).text()
        : new Response(body).text());
      const good = path.endsWith('/hello') ? Response.json({ protocol: 1, user: 'ana' }) : Response.json(site.current?.airflow.exchange(JSON.parse(text)));
      return stands.between === undefined ? good : (portals[stands.between]?.(good) ?? good);
    };
    const given = { headers: {}, credentials: 'omit' as const };
    const credentials = { authorize: async () => given, unchecked: async () => given, forget: async () => undefined, signIn: async () => undefined };
    const http = createHttp('/airflow', fetchOf, () => 0);
    site.current = new Site(1, createPluginTransport({ user: 'ana', http, credentials }));
    await site.current.device.signIn();
    await site.current.device.drain();
    return { site: site.current, stands };
  }

  test.each(Object.keys(portals))('%s: nothing counts as settled, and all arrives once it is gone', async (name) => {
    const { site, stands } = await behind();
    stands.between = name;
    await site.capture('x');
    await site.device.drain();
    expect((await site.device.rows('asks')).map(({ state }) => state)).toEqual(['sending']);
    stands.between = undefined;
    await site.comeToRest();
    await site.expectExactlyOnce();
  });

  test('one after the other, at random', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.constantFrom(...Object.keys(portals)), { nil: undefined }), { minLength: 3, maxLength: 12 }), async (between) => {
        const { site, stands } = await behind();
        for (const [at, name] of between.entries()) {
          await site.capture(`r${at % 3}`);
          stands.between = name;
          await site.device.drain();
        }
        stands.between = undefined;
        await site.comeToRest();
        await site.expectExactlyOnce();
      }),
      { numRuns: 15 },
    );
  });
});
