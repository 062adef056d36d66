import { beforeEach, describe, expect, test } from 'vitest';
import type { ExchangeRequest, ExchangeResponse } from '../shared/exchange.ts';
import { readBatch, TestServer } from './testing/test-server.ts';
import { TestReplica } from './testing/test-replica.ts';
import type { Effect } from './transport/transport.ts';

const WORDS = 'Airflow answers other requests, this one was refused (status 403: Blocked).';
const TURNED_AWAY: Effect = {
  kind: 'turned-away',
  reason: { kind: 'refused-on-the-way', message: WORDS },
  status: 403,
};
const OUTAGE: Effect = { kind: 'retry', for: 'airflow', message: 'status 502: Bad Gateway' };

let replica: TestReplica;
let server: TestServer;
/** Every batch that went out, as the ids inside; `void` for a voiding. */
let sent: string[];
/** The fate of requests before the server sees the request. */
let onTheWay: (request: ExchangeRequest) => Effect | undefined;

const idsIn = ({ batch = '' }: ExchangeRequest): string[] => readBatch(batch).map(({ id }) => id);
const firewall = (request: ExchangeRequest): Effect | undefined =>
  request.batch?.includes('DROP TABLE') ? TURNED_AWAY : undefined;

beforeEach(async () => {
  replica = new TestReplica();
  replica.isOnline = true;
  server = new TestServer();
  [sent, onTheWay] = [[], () => undefined];
  replica.transport = {
    carriesPrivate: true,
    exchange: async ({ request }) => {
      if (request.batch !== undefined) sent.push(idsIn(request).join());
      if (request.void) sent.push('void');
      const effect = onTheWay(request);
      if (effect) return effect;
      const response = server.answer(request);
      return {
        kind: 'settle',
        via: 'plugin',
        response: request.void ? voided(request, response) : response,
      };
    },
  };
  await replica.signIn();
  await replica.sync();
});

const voided = ({ void: name }: ExchangeRequest, response: ExchangeResponse): ExchangeResponse => ({
  ...response,
  echo: { ...response.echo, nonce: name?.nonce ?? null },
  refused: 'void',
});
const capture = async (...ids: readonly string[]): Promise<void> => {
  replica.isOnline = false;
  for (const id of ids)
    await replica.put(id, id === 'bad' ? { note: "they wrote '; DROP TABLE on the wall" } : {});
  replica.isOnline = true;
};

describe('case A9: a record that a middlebox refuses', () => {
  test('is found by halving, and is a dead letter with the words; all others arrive', async () => {
    await capture('bad', 'a', 'b', 'c', 'd', 'e');
    onTheWay = firewall;
    for (let drains = 0; drains < 12; drains++) await replica.sync();
    expect(await replica.status()).toMatchObject({
      unsent: 1,
      deadLetters: 1,
      waiting: { for: 'person' },
    });
    expect(await replica.ask({ type: 'dead-letters' })).toMatchObject([
      { id: 'bad', reason: { kind: 'refused-on-the-way', message: WORDS } },
    ]);
    const all = 'bad,a,b,c,d,e';
    expect(sent).toEqual([
      all,
      all,
      all,
      'void',
      'bad,a,b',
      'bad,a,b',
      'bad,a,b',
      'void',
      'bad',
      'bad',
      'bad',
      'void',
      'a',
      'b,c',
      'd,e',
    ]);
  });

  test('is told meanwhile, with the words, and the next try is soon', async () => {
    onTheWay = () => OUTAGE;
    await capture('bad');
    for (let drains = 0; drains < 10; drains++) await replica.sync();
    onTheWay = firewall;
    await replica.sync();
    expect((await replica.status()).waiting).toMatchObject({ for: 'airflow', message: WORDS });
    await replica.sync();
    const { waiting } = await replica.status();
    expect(waiting).toMatchObject({ for: 'refused-on-the-way', message: WORDS });
    expect((waiting?.until ?? Number.NaN) - replica.now).toBeLessThanOrEqual(4_000);
  });

  test('the count is stored: a new worker continues, and the log shows each refusal', async () => {
    await capture('bad', 'a');
    onTheWay = firewall;
    for (let drains = 0; drains < 3; drains++) {
      await replica.restart();
      await replica.sync();
    }
    expect(sent).toEqual(['bad,a', 'bad,a', 'bad,a', 'void', 'bad']);
    const history = await replica.ask({ type: 'history', filter: { kinds: ['attempt'] } });
    expect(
      history.filter(
        ({ kind, ...fact }) =>
          kind === 'attempt' && 'why' in fact && fact.why === 'refused-on-the-way',
      ),
    ).toMatchObject(Array.from({ length: 4 }, () => ({ outcome: 'turned-away', status: 403 })));
  });

  test('an outage of any length voids nothing, and keeps the count', async () => {
    await capture('bad', 'a');
    onTheWay = () => OUTAGE;
    for (let drains = 0; drains < 10; drains++) await replica.sync();
    expect(sent).toEqual(Array.from({ length: 10 }, () => 'bad,a'));
    expect((await replica.status()).waiting).toMatchObject({
      for: 'airflow',
      message: 'status 502: Bad Gateway',
    });
    for (const way of [firewall, firewall, () => OUTAGE, firewall]) {
      onTheWay = way;
      await replica.sync();
    }
    expect(sent.slice(10), 'the third in spite of the outage between').toEqual([
      'bad,a',
      'bad,a',
      'bad,a',
      'bad,a',
      'void',
      'bad',
    ]);
  });

  test('retried by a person, the record goes alone, and other batches grow back', async () => {
    await capture('bad');
    onTheWay = firewall;
    for (let drains = 0; drains < 3; drains++) await replica.sync();
    expect(await replica.status()).toMatchObject({ deadLetters: 1 });
    await capture('a', 'b', 'c');
    sent.length = 0;
    replica.isOnline = false;
    await replica.ask({
      type: 'retry',
      requestId: replica.name(),
      letter: { kind: 'mutation', collection: 'asks', id: 'bad' },
    });
    replica.isOnline = true;
    for (let drains = 0; drains < 3; drains++) await replica.sync();
    expect(sent).toEqual(['bad', 'bad', 'bad', 'void', 'a,b,c']);
    expect(await replica.status()).toMatchObject({ unsent: 1, deadLetters: 1 });
    onTheWay = () => undefined;
    await replica.ask({
      type: 'retry',
      requestId: replica.name(),
      letter: { kind: 'mutation', collection: 'asks', id: 'bad' },
    });
    await replica.sync();
    expect(await replica.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
  });
});

describe('case D10: the status tells each reason to wait apart, with the words', () => {
  test.each<[string, Effect, object]>([
    [
      'a wrong path',
      { kind: 'retry', for: 'not-airflow', message: 'status 404: nginx' },
      { for: 'not-airflow', message: 'status 404: nginx' },
    ],
    ['an outage', OUTAGE, { for: 'airflow', message: 'status 502: Bad Gateway' }],
    [
      'a sign-in page',
      { kind: 'retry', for: 'sign-in-page', message: 'sent on' },
      { for: 'sign-in-page', message: 'sent on' },
    ],
    [
      'a missing plugin',
      { kind: 'hold', for: 'plugin-missing', message: 'Airflow 3.3.2 answers' },
      { for: 'plugin-missing', message: 'Airflow 3.3.2 answers' },
    ],
    [
      'a store without a Connection',
      { kind: 'hold', for: 'store', message: 'no Connection', retryAfterMs: 30_000 },
      { for: 'store', message: 'no Connection' },
    ],
    [
      'a viewer',
      { kind: 'hold', for: 'forbidden', message: 'status 403: Forbidden' },
      { for: 'forbidden', message: 'status 403: Forbidden' },
    ],
  ])('%s', async (_name, effect, waiting) => {
    await capture('a');
    onTheWay = () => effect;
    await replica.sync();
    expect((await replica.status()).waiting).toMatchObject({ ...waiting, failures: 1 });
    if ('retryAfterMs' in effect)
      expect(((await replica.status()).waiting?.until ?? 0) - replica.now).toBeGreaterThanOrEqual(
        30_000,
      );
    onTheWay = () => undefined;
    await replica.sync();
    expect(await replica.status()).toMatchObject({ unsent: 0, phase: 'idle' });
  });
});
