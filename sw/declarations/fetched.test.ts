import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readBatch } from '../testing/test-server.ts';
import { TestOrigin, TestWorker } from '../testing/test-worker.ts';

const APP = 'https://field.example/app/';
const FILE = 'https://field.example/collections.json';

let origin: TestOrigin;
beforeEach(() => {
  origin = new TestOrigin();
  origin.isOnline = true;
  vi.spyOn(console, 'error').mockReturnValue();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const declare = (collections: Record<string, object>): string =>
  JSON.stringify({
    version: 1,
    collections: Object.fromEntries(
      Object.entries(collections).map(([name, part]) => [name, { schema: {}, ...part }]),
    ),
  });
const deploy = (text: string): void => void origin.files.set(FILE, text);
const start = (): Promise<TestWorker> => TestWorker.startPrebuilt(origin, APP);
const capture = (worker: TestWorker, collection: string, id: string): Promise<unknown> =>
  worker.ask({
    type: 'capture',
    requestId: `put ${collection} ${id}`,
    collection,
    change: { op: 'put', value: { id, day: 'monday' } },
  });
const idsOf = async (
  worker: TestWorker,
  collection: string,
  query: Record<string, unknown> = {},
): Promise<string[]> =>
  (await worker.ask({ type: 'query', collection, query })).map(({ id }) => id);
const kindOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { kind: string; message: string }) => `${error.kind}: ${error.message}`,
  );
const declared = (): (readonly string[])[] =>
  origin.told.flatMap(({ message }) =>
    'events' in message
      ? message.events.flatMap((event) =>
          event.type === 'declarations' ? [event.collections] : [],
        )
      : [],
  );

/** An installed worker with a first page that has captured a record. */
async function installed(file = declare({ asks: {} })): Promise<TestWorker> {
  deploy(file);
  const worker = await start();
  await worker.install();
  await worker.ask({ type: 'hello' });
  await capture(worker, 'asks', 'a');
  return worker;
}

describe('case D1: a collections.json that changes beside the prebuilt worker (fault 57)', () => {
  test('is in force at the next start with a network, and says so', async () => {
    await installed();
    deploy(declare({ asks: {}, things: {} }));
    const worker = await start();
    await worker.ask({ type: 'hello' });
    expect(await kindOf(capture(worker, 'things', 'x'))).toBe('done');
    expect(declared()).toEqual([['asks', 'things']]);
  });

  test('is in force after a reload under a running worker: at the first new name', async () => {
    const worker = await installed();
    deploy(declare({ asks: { indexes: ['day'] }, things: {} }));
    expect(await kindOf(capture(worker, 'things', 'x'))).toBe('done');
    expect(await idsOf(worker, 'asks', { index: 'day', equals: 'monday' })).toEqual(['a']);
  });

  test('on a signed-in device: new captures are sent, new collections are read', async () => {
    const worker = await installed();
    await worker.ask({ type: 'sign-in', credentials: { kind: 'cookie' } });
    deploy(declare({ asks: {}, things: {} }));
    await worker.ask({ type: 'hello' });
    await capture(worker, 'things', 'x');
    expect(await worker.ask({ type: 'sync' })).toMatchObject({ unsent: 0, ready: true });
    expect(origin.server.batches.flatMap(readBatch).map(({ id }) => id)).toEqual(['a', 'x']);
    expect(origin.exchanges.map(({ since }) => since)).toContain(0);
  });

  test('brings its policies and write rules, too', async () => {
    const worker = await installed();
    deploy(declare({ asks: { write: 'none' } }));
    await worker.ask({ type: 'hello' });
    expect(await kindOf(capture(worker, 'asks', 'b'))).toContain('read-only');
    expect(await idsOf(worker, 'asks')).toEqual(['a']);
  });

  test('that removes a collection leaves its unsent changes', async () => {
    const worker = await installed(declare({ asks: {}, things: {} }));
    await capture(worker, 'things', 'x');
    deploy(declare({ asks: {} }));
    await worker.ask({ type: 'hello' });
    expect(await kindOf(capture(worker, 'things', 'y'))).toContain('unknown-collection');
    expect((await worker.ask({ type: 'outbox' })).map(({ id }) => id)).toEqual(['a', 'x']);
  });
});

describe('case D1: the last good copy (fault 57)', () => {
  test('without a network the last good copy serves, at once', async () => {
    await installed(declare({ asks: {}, things: {} }));
    origin.isOnline = false;
    const worker = await start();
    expect(await kindOf(capture(worker, 'things', 'x'))).toBe('done');
    expect(
      (await worker.ask({ type: 'status' })).declarations,
      'to be offline is no mistake in the file',
    ).toBeUndefined();
  });

  test.each([
    ['is no JSON', '{"version": 1,', 'is not JSON'],
    ['is a page', '<html>portal</html>', 'is not JSON'],
    [
      'has a mistake',
      JSON.stringify({ version: 1, collections: { asks: { schema: {}, index: ['a'] } } }),
      'collections.asks',
    ],
    ['is missing', undefined, 'was answered with 404'],
  ])(
    'a newest file that %s: the last good one stays in force, and the status says why',
    async (_name, text, words) => {
      await installed(declare({ asks: {}, things: {} }));
      if (text === undefined) origin.files.delete(FILE);
      else deploy(text);
      const worker = await start();
      await worker.ask({ type: 'hello' });
      expect(await kindOf(capture(worker, 'things', 'x'))).toBe('done');
      expect((await worker.ask({ type: 'status' })).declarations?.problem).toContain(words);
      deploy(declare({ asks: {}, things: {}, more: {} }));
      await worker.ask({ type: 'hello' });
      expect((await worker.ask({ type: 'status' })).declarations).toBeUndefined();
      expect(await kindOf(capture(worker, 'more', 'x'))).toBe('done');
    },
  );

  test.each([500, 502, 503, 504, 429])(
    'case D2: an outage (%i) is no mistake in the file: the last good copy serves',
    async (status) => {
      await installed(declare({ asks: {}, things: {} }));
      origin.answers.set(FILE, status);
      const worker = await start();
      await worker.ask({ type: 'hello' });
      expect(await kindOf(capture(worker, 'things', 'x'))).toBe('done');
      expect((await worker.ask({ type: 'status' })).declarations).toBeUndefined();
      expect(await kindOf((await start()).install())).toMatch(
        new RegExp(`^bad-collections: .* its server answered ${status}`),
      );
      origin.answers.delete(FILE);
      deploy(declare({ asks: {}, things: {}, more: {} }));
      await worker.ask({ type: 'hello' });
      expect(await kindOf(capture(worker, 'more', 'x'))).toBe('done');
    },
  );

  test('a copy that is lost or damaged is fetched again', async () => {
    await installed();
    for (const damage of ['{', '{"version":2}']) {
      for (const cache of origin.caches.kept.values()) if (cache.has(FILE)) cache.set(FILE, damage);
      expect(await idsOf(await start(), 'asks')).toEqual(['a']);
    }
    for (const cache of origin.caches.kept.values()) cache.delete(FILE);
    expect(await idsOf(await start(), 'asks')).toEqual(['a']);
  });

  test('without any copy the error says so, and the next call tries again', async () => {
    await installed();
    for (const cache of origin.caches.kept.values()) cache.delete(FILE);
    origin.isOnline = false;
    const worker = await start();
    expect(await kindOf(idsOf(worker, 'asks'))).toMatch(/^bad-collections: .*could not be fetched/);
    origin.isOnline = true;
    expect(await idsOf(worker, 'asks')).toEqual(['a']);
  });
});

describe('case D2: a broken declaration is deployed (fault 57)', () => {
  test('a new prebuilt worker is not installed, and its file spares the good copy', async () => {
    const before = await installed();
    deploy('{"version": 1, "collections": {"asks": {"schema": {}, "index": ["site"]}}}');
    const next = await start();
    expect(await kindOf(next.install())).toMatch(
      /^bad-collections: .*"collections\.asks".*Did you mean "indexes"\?/,
    );
    expect(await kindOf(capture(before, 'asks', 'b'))).toBe('done');
    origin.isOnline = false;
    expect(await idsOf(await start(), 'asks')).toEqual(['a', 'b']);
  });

  test('a prebuilt worker without a file is not installed', async () => {
    expect(await kindOf((await start()).install())).toContain('404');
  });

  test('an app’s worker with a broken file is not installed: waiting pages hear why', async () => {
    const worker = await TestWorker.start(origin, APP, {
      collections: { version: 1, collections: { 'two words': { schema: {} } } },
    });
    const refused = new RegExp(
      '^bad-collections: collections\\.json is not valid at "collections\\.two words": ' +
        "a collection's name is .*Mend it there and deploy it again",
    );
    expect(await kindOf(worker.install())).toMatch(refused);
    expect(origin.lastWords).toEqual([
      {
        updraftFailed: {
          kind: 'bad-collections',
          message: expect.stringContaining('collections.two words'),
        },
      },
    ]);
    expect(
      await kindOf(worker.ask({ type: 'status' })),
      'one that was installed before this was checked says so, too',
    ).toMatch(refused);
  });

  test('a worker whose declarations are sound is installed', async () => {
    expect(await kindOf((await TestWorker.start(origin, APP)).install())).toBe('done');
    expect(origin.lastWords).toEqual([]);
  });
});

describe('case D9: a worker that is set up wrongly says what is wrong', () => {
  test.each<[string, object, string]>([
    ['a slip', { collection: {} }, 'Did you mean "collections"?'],
    ['no Airflow', { airflow: undefined }, '"airflow" must be the path'],
    ['a path from nowhere', { airflow: 'airflow' }, '"airflow" must be the path'],
  ])('%s', async (_name, options, words) => {
    const worker = await TestWorker.start(origin, APP, options);
    expect(await kindOf(worker.install())).toContain('bad-option: ');
    expect(await kindOf(worker.ask({ type: 'status' }))).toContain(words);
  });

  test('a slash at the end of Airflow’s path is accepted', async () => {
    const worker = await TestWorker.start(origin, APP, { airflow: '/airflow/' });
    expect((await worker.ask({ type: 'hello' })).airflow).toBe('/airflow');
  });

  test.each<[string, unknown]>([
    ['no user', null],
    ['an empty user', ''],
    ['a number', 7],
    ['an endless user', 'x'.repeat(251)],
  ])('connect() with %s', async (_name, user) => {
    const worker = await TestWorker.start(origin, APP);
    expect(await kindOf(worker.ask({ type: 'hello' }, user as string))).toMatch(
      /^bad-option: connect\(\) needs "user"/,
    );
  });

  test('signIn() with nothing, or with an invalid token', async () => {
    const worker = await TestWorker.start(origin, APP);
    for (const credentials of [{}, { kind: 'cookies' }, { kind: 'memory', token: undefined }])
      expect(await kindOf(worker.ask({ type: 'sign-in', credentials } as never))).toMatch(
        /^bad-option: signIn\(\) takes/,
      );
  });
});
