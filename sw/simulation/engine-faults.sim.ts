import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DRAWS_TIMEOUT_MS, drawn, draws, seed as drawnSeed } from '../testing/test-draws.ts';
import { createHttp } from '../transport/http.ts';
import { createPluginTransport } from '../transport/plugin.ts';
import { seeded } from './setup.ts';
import { Site, type Way } from './site.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;

describe('fault 1, 2, 3, 4: a worker killed', () => {
  test.each([true, false])(
    'at every single step from capture to settling (before the step: %s)',
    async (before) => {
      for (let step = 1; step <= 40; step++) {
        const site = await Site.ready();
        await site.capture('x');
        await site.device.killIn(step, before);
        await site.capture('x');
        await site.device.drain('capture');
        await site.comeToRest();
        expect(site.airflow.records.get('x'), `killed at step ${step}`).toEqual({ id: 'x', n: 2 });
        await site.expectExactlyOnce();
      }
    },
  );
});

const way: fc.Arbitrary<Way> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<Way>('through', 'request-lost', 'response-lost', 'busy'),
  },
  { weight: 1, arbitrary: fc.record({ busyFor: fc.nat({ max: 2 * HOUR_MS }) }) },
);
const reason = fc.constantFrom(
  'capture' as const,
  'heartbeat' as const,
  'visible' as const,
  'sync-event' as const,
  'timer' as const,
);
const jump = fc.oneof(
  fc.constantFrom(1_000, 60_000, 8 * HOUR_MS, HOUR_MS, -HOUR_MS),
  fc.integer({ min: -YEAR_MS, max: YEAR_MS }),
);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('capture' as const),
      id: fc.constantFrom('x', 'y', 'z'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('drain' as const),
      way,
      reason,
      killIn: fc.option(fc.integer({ min: 1, max: 25 })),
      before: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('clock' as const), jump }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('network' as const), online: fc.boolean() }),
  },
);

test(drawn('fault 1, 2, 3, 4, 18, 25, 33, 34, 42: faults at random: exactly once'), async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 30 }),
      fc.nat(),
      async (story, seed) => {
        const site = await Site.ready(seed);
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
      },
    ),
    draws(40),
  );
});

test('fault 34: after eight hours of sleep in a backoff one exchange catches up', async () => {
  const site = await Site.ready();
  site.ways.push('busy', 'busy', 'busy');
  await site.capture('x');
  for (let failures = 0; failures < 3; failures++) await site.device.drain('visible');
  site.asked.length = 0;
  site.device.now += 8 * HOUR_MS;
  for (const woken of ['timer', 'heartbeat', 'heartbeat'] as const) await site.device.drain(woken);
  expect(site.asked.length).toBeLessThanOrEqual(2);
  await site.expectExactlyOnce();
});

test(
  drawn('fault 25: a failing server is not asked early, however often a heartbeat comes'),
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const site = await Site.ready(seed);
        await site.capture('x');
        site.ways.push(...Array.from({ length: 12 }, () => ({ busyFor: 60_000 })));
        await site.device.drain('capture');
        site.asked.length = 0;
        const began = site.device.now;
        // A quarter of an hour, a heartbeat every 20 s.
        for (let beats = 0; beats < 45; beats++) {
          site.device.now += 20_000;
          await site.device.drain('heartbeat');
        }
        const times = [began, ...site.asked];
        for (const [at, time] of site.asked.entries())
          expect(time - (times[at] ?? 0)).toBeGreaterThanOrEqual(60_000);
        expect(site.asked.length).toBeGreaterThan(5);
        await site.comeToRest();
        await site.expectExactlyOnce();
      }),
      draws(5),
    );
  },
);

test('fault 35: ninety days offline and 990 changes drain, each with one effect', async () => {
  const site = await Site.ready();
  await ninetyDaysOffline(site, () => 11);
  expect(site.asked).toHaveLength(1);
  site.device.online = true;
  site.ways.push('response-lost', 'busy');
  await site.comeToRest();
  expect(site.airflow.records.size).toBe(90 * 11);
  await site.expectExactlyOnce();
});

test(
  drawn('fault 35: ninety days offline, some 10,000 changes, kills and lost answers'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    const site = await Site.ready(drawnSeed);
    const random = seeded(drawnSeed);
    // A mirror takes no time here, so each day's changes would make a mirror; in a browser mirrors
    // take a small part of the time.
    site.device.doesMirrorRest = true;
    const captured = await ninetyDaysOffline(site, (day) =>
      day < 89 ? Math.floor(random() * 225) : 500,
    );
    site.device.online = true;
    for (let drains = 0; drains < 12; drains++) {
      site.ways.splice(
        0,
        Infinity,
        ...Array.from(
          { length: 3 },
          () =>
            (['through', 'response-lost', 'request-lost', 'busy'] as const)[
              Math.floor(random() * 4)
            ] ?? 'through',
        ),
      );
      if (random() < 0.5) await site.device.killIn(1 + Math.floor(random() * 40), random() < 0.5);
      await site.device.drain();
    }
    await site.comeToRest();
    expect(site.airflow.records.size).toBe(captured);
    await site.expectExactlyOnce();
  },
);

/**
 * Captures this many new records each day, all at the same time; every thirty days another worker.
 * Resolves to the number of records.
 */
async function ninetyDaysOffline(
  { device, capture }: Site,
  changesOf: (day: number) => number,
): Promise<number> {
  let captured = 0;
  device.online = false;
  for (let day = 0; day < 90; day++) {
    device.now += DAY_MS;
    const today = changesOf(day);
    await Promise.all(Array.from({ length: today }, () => capture()));
    captured += today;
    await device.drain('heartbeat');
    if (day % 30 === 0) device.stop();
  }
  return captured;
}

describe('fault 21, 22: answers that are not Airflow’s own', () => {
  const PORTAL = '<html><body>Sign in to this network</body></html>';
  const portals: Readonly<Record<string, (good: Response) => Promise<Response>>> = {
    'a captive portal’s page, 200': async () =>
      new Response(PORTAL, { headers: { 'content-type': 'text/html' } }),
    'a redirect to a login page': () => Promise.reject(new TypeError('redirected')),
    'a proxy that wants a password, 407': async () => new Response(PORTAL, { status: 407 }),
    'a gateway, 502': async () => new Response('<h1>Bad Gateway</h1>', { status: 502 }),
    'a gateway, 503': async () =>
      new Response('', { status: 503, headers: { 'retry-after': '1' } }),
    'a gateway, 504': async () => new Response('{"message":"timeout"}', { status: 504 }),
    'an answer cut short': async (good) => new Response((await good.text()).slice(0, -7)),
    'an answer with a banner appended': async (good) =>
      new Response(`${await good.text()}<script>ad()</script>`),
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
        ? new Response(
            new Blob([body]).stream().pipeThrough(new DecompressionStream('gzip')),
          ).text()
        : new Response(body).text());
      const good = path.endsWith('/hello')
        ? Response.json({ protocol: 1, user: 'ana' })
        : Response.json(site.current?.airflow.exchange(JSON.parse(text)));
      return stands.between === undefined ? good : (portals[stands.between]?.(good) ?? good);
    };
    const given = { headers: {}, credentials: 'omit' as const };
    const credentials = {
      authorize: async () => given,
      unchecked: async () => given,
      forget: async () => undefined,
      signIn: async () => undefined,
    };
    const http = createHttp('/airflow', fetchOf, () => 0);
    site.current = new Site(
      1,
      createPluginTransport({ user: 'ana', http, credentials, now: () => 0 }),
    );
    await site.current.device.signIn();
    await site.current.device.drain();
    return { site: site.current, stands };
  }

  test.each(Object.keys(portals))(
    '%s: nothing counts as settled, and everything arrives afterwards',
    async (name) => {
      const { site, stands } = await behind();
      stands.between = name;
      await site.capture('x');
      await site.device.drain();
      expect((await site.device.rows('asks')).map(({ state }) => state)).toEqual(['sending']);
      stands.between = undefined;
      await site.comeToRest();
      await site.expectExactlyOnce();
    },
  );

  test(drawn('in sequence, at random'), async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.constantFrom(...Object.keys(portals)), { nil: undefined }), {
          minLength: 3,
          maxLength: 12,
        }),
        async (between) => {
          const { site, stands } = await behind();
          for (const [at, name] of between.entries()) {
            await site.capture(`r${at % 3}`);
            stands.between = name;
            await site.device.drain();
          }
          stands.between = undefined;
          await site.comeToRest();
          await site.expectExactlyOnce();
        },
      ),
      draws(15),
    );
  });
});
