import { beforeEach, describe, expect, test } from 'vitest';
import type { Declarations } from '../../shared/collections.ts';
import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import { readCollections } from '../../shared/collections.ts';
import { createAutoTransport } from './auto.ts';
import { createTransport } from './create-transport.ts';
import type { Credentials } from './credentials.ts';
import type { Authorization, HttpReply, HttpRequest } from './http.ts';
import { createPluginTransport } from './plugin.ts';
import type { Effect, ExchangeJob, Transport } from './transport.ts';

const COOKIE: Authorization = { headers: {}, credentials: 'same-origin' };
const REQUEST: ExchangeRequest = {
  protocol: 1,
  replicaId: 'r1',
  user: 'ana',
  epoch: 'e1',
  last: null,
  since: 10,
  floor: 3,
  limit: 1000,
};
const RESPONSE: ExchangeResponse = {
  protocol: 1,
  replicaId: 'r1',
  echo: { epoch: 'e1', since: 10, floor: 3, last: null, nonce: null, hash: null },
  epoch: 'e1',
  reset: false,
  start: 3,
  changes: [],
  upTo: 10,
  more: false,
};
const JOB: ExchangeJob = {
  request: REQUEST,
  delivery: null,
  onAccepted: async () => expect.unreachable('no run is made'),
};
const json = (status: number, body: unknown): HttpReply => ({ kind: 'http', status, json: body });
const HTML = json(200, undefined);
const DOWN = json(502, undefined);
const NOT_FOUND = json(404, { detail: 'Not Found' });
const HELLO = json(200, { protocol: 1, user: 'ana', epoch: 'e1' });
const VERSION = json(200, { version: '3.3.2' });
const SETTLED: Effect = { kind: 'settle', response: RESPONSE, via: 'plugin' };
const BY_DAG: Effect = { kind: 'settle', response: RESPONSE, via: 'dag', run: 'run' };
const MISSING: Effect = { kind: 'hold', for: 'plugin-missing' };
const ELSEWHERE: Effect = { kind: 'retry', for: 'not-airflow' };
const NO_STORE: Effect = { kind: 'hold', for: 'store', message: 'status 503: no Connection' };
const AGAIN: Effect = { kind: 'retry', for: 'airflow' };

type Endpoint = 'hello' | 'exchange' | 'version';
let answers: Record<Endpoint, HttpReply>;
let log: string[];
let asked: { readonly request: HttpRequest; readonly authorization: Authorization }[];
let forgotten: Authorization[];
let authorization: Authorization | Effect;
let plugin: Transport;
let now: number;

const http = async (request: HttpRequest, by: Authorization): Promise<HttpReply> => {
  const endpoint = request.path.split('/').at(-1) as Endpoint;
  log.push(endpoint);
  asked.push({ request, authorization: by });
  return answers[endpoint];
};
const credentials: Credentials = {
  authorize: () => expect.unreachable('the plugin compares the users itself'),
  unchecked: async () => authorization,
  forget: async (_kind, refused) => void forgotten.push(refused),
  signIn: async () => undefined,
};
const dag: Transport = {
  carriesPrivate: false,
  exchange: async () => {
    log.push('dag');
    return BY_DAG;
  },
};

beforeEach(() => {
  answers = { hello: HELLO, exchange: json(200, RESPONSE), version: VERSION };
  [log, asked, forgotten, authorization, now] = [[], [], [], COOKIE, 1_000];
  plugin = createPluginTransport({ user: 'ana', http, credentials, now: () => now });
});
const exchange = (transport = plugin): Promise<Effect> => transport.exchange(JOB, 'cookie');

describe('the plugin', () => {
  test('is greeted once; then each exchange is one request', async () => {
    for (let time = 0; time < 3; time++) expect(await exchange()).toEqual(SETTLED);
    expect(log).toEqual(['hello', 'exchange', 'exchange', 'exchange']);
    const { request, authorization: by } = asked[1] ?? expect.unreachable();
    expect(request).toMatchObject({ method: 'POST', path: '/updraft/v1/exchange', compress: true });
    expect(JSON.parse(request.body ?? '')).toEqual(REQUEST);
    expect(by).toEqual(COOKIE);
  });
  test('fault 38: of another user’s session: nothing is sent', async () => {
    answers.hello = json(200, { protocol: 1, user: 'bob' });
    expect(await exchange()).toEqual({ kind: 'sign-in', reason: 'other-user' });
    expect(log).toEqual(['hello']);
  });
  test('fault 16: of another protocol: held for an update, nothing is sent', async () => {
    answers.hello = json(200, { protocol: 3, user: 'ana' });
    expect(await exchange()).toMatchObject({ kind: 'hold', for: 'update' });
    expect(log).toEqual(['hello']);
  });
  test('fault 16: updated between two exchanges: held, and greeted again', async () => {
    await exchange();
    answers.exchange = json(200, { protocol: 3, replicaId: 'r1' });
    expect(await exchange()).toMatchObject({ kind: 'hold', for: 'update' });
  });
  test('fault 77: older than what the batch holds: held, the batch is not sent', async () => {
    const job = { ...JOB, request: { ...REQUEST, protocol: 2, batch: '{}', hash: 'h' } };
    expect(await plugin.exchange(job, 'cookie')).toMatchObject({ kind: 'hold', for: 'update' });
    expect(log).toEqual(['hello']);
    answers.hello = json(200, { protocol: 1, newest: 2, user: 'ana' });
    answers.exchange = json(200, { ...RESPONSE, protocol: 2 });
    expect(await plugin.exchange(job, 'cookie')).toMatchObject({ kind: 'settle' });
  });
  test('another answer that says protocol 1 is no answer', async () => {
    answers.exchange = json(200, { ...RESPONSE, changes: 'many' });
    expect(await exchange()).toMatchObject(AGAIN);
  });
  test('fault 23: refuses the credentials, which are forgotten', async () => {
    answers.hello = json(401, { detail: 'Not authenticated' });
    expect(await exchange()).toEqual({ kind: 'sign-in', reason: 'refused' });
    expect(forgotten).toEqual([COOKIE]);
  });
  test('without a sign-in nothing is asked', async () => {
    authorization = { kind: 'sign-in', reason: 'missing' };
    expect(await exchange()).toEqual(authorization);
    expect(log).toEqual([]);
  });
  test('fault 25: busy, is tried again after the named time', async () => {
    await exchange();
    answers.exchange = {
      kind: 'http',
      status: 503,
      json: { detail: { kind: 'busy', message: '…' } },
      retryAfterMs: 3_000,
    };
    expect(await exchange()).toMatchObject({ ...AGAIN, retryAfterMs: 3_000 });
  });
  test('fault 21: a portal’s answer acknowledges nothing; a greeting follows', async () => {
    await exchange();
    answers.exchange = HTML;
    expect(await exchange()).toMatchObject(AGAIN);
    answers.exchange = json(200, RESPONSE);
    expect(await exchange()).toEqual(SETTLED);
    expect(log).toEqual(['hello', 'exchange', 'exchange', 'hello', 'exchange']);
  });
  test('removed while the worker lives, is missing only if Airflow itself answers', async () => {
    await exchange();
    answers.exchange = NOT_FOUND;
    expect(await exchange()).toMatchObject(MISSING);
    answers.version = DOWN;
    answers.hello = HTML;
    expect(await exchange()).toMatchObject(AGAIN);
  });
});

const BATCH = JSON.stringify({ number: 1, nonce: 'n', mutations: [] });
const LONG = JSON.stringify({ number: 1, nonce: 'n', mutations: [], padding: 'x'.repeat(3_000) });
const batchJob = (batch = BATCH): ExchangeJob => ({
  ...JOB,
  request: { ...REQUEST, batch, hash: 'h' },
  delivery: { number: 1, attempt: 1 },
});
/** Answers the plugin’s exchange by the request's content; everything else as ever. */
const answering = (answer: (body: string, request: HttpRequest) => HttpReply): Transport =>
  createPluginTransport({
    user: 'ana',
    credentials,
    now: () => now,
    http: (request, by) =>
      request.method === 'POST'
        ? Promise.resolve(
            (asked.push({ request, authorization: by }), answer(request.body ?? '', request)),
          )
        : http(request, by),
  });
const posts = (): HttpRequest[] =>
  asked.flatMap(({ request }) => (request.method === 'POST' ? [request] : []));
const FIREWALL: HttpReply = {
  kind: 'http',
  status: 403,
  json: undefined,
  text: '<title>Blocked</title><p>by policy 7</p>',
};

describe('case A9: a batch that is turned away', () => {
  test.each<[string, HttpReply]>([
    ['403 HTML', FIREWALL],
    ['406 HTML', json(406, undefined)],
    ['403 JSON', json(403, { message: 'Forbidden' })],
    ['400 HTML', json(400, undefined)],
    ['404 of Airflow’s form', NOT_FOUND],
    ['422 without detail', json(422, { error: 'bad' })],
    ['500 of Airflow’s form', json(500, { detail: 'Internal Server Error' })],
    ['a page with 200', HTML],
    ['a connection that is cut', { kind: 'failed', why: 'network' }],
    ['no answer in time', { kind: 'failed', why: 'timeout' }],
    ['an answer that is garbled', json(200, { ...RESPONSE, changes: 'many' })],
  ])('by %s, while a pull on the same route is answered', async (_name, reply) => {
    const transport = answering((body) =>
      body.includes('mutations') ? reply : json(200, RESPONSE),
    );
    expect(await transport.exchange(batchJob(), 'cookie')).toMatchObject({
      kind: 'turned-away',
      reason: { kind: 'refused-on-the-way' },
    });
    const probe = posts()[1]?.body ?? '';
    expect(probe).not.toMatch(/batch|hash/);
    expect(JSON.parse(probe)).toMatchObject({ replicaId: 'r1', since: 10 });
  });
  test('names the status and the words', async () => {
    const transport = answering((body) =>
      body.includes('mutations') ? FIREWALL : json(200, RESPONSE),
    );
    const effect = await transport.exchange(batchJob(), 'cookie');
    expect(effect).toMatchObject({ status: 403 });
    expect(effect.kind === 'turned-away' && effect.reason.message).toContain(
      'status 403: Blocked. by policy 7',
    );
  });
  test('not in an outage: the pull is not answered either', async () => {
    expect(await answering(() => FIREWALL).exchange(batchJob(), 'cookie')).toMatchObject({
      kind: 'retry',
      for: 'airflow',
    });
    expect(
      await answering(() => ({ kind: 'failed', why: 'network' })).exchange(batchJob(), 'cookie'),
    ).toMatchObject({ kind: 'retry', for: 'network' });
  });
  test('not where a right is missing: a viewer may pull all the same', async () => {
    const transport = answering((body) =>
      body.includes('mutations') ? json(403, { detail: 'Forbidden' }) : json(200, RESPONSE),
    );
    expect(await transport.exchange(batchJob(), 'cookie')).toMatchObject({
      kind: 'hold',
      for: 'forbidden',
      message: 'status 403: Forbidden',
    });
  });
  test('not by a network glitch: the retry is accepted', async () => {
    const lost: HttpReply[] = [{ kind: 'failed', why: 'network' }];
    const transport = answering(
      (body) => (body.includes('mutations') ? lost.shift() : undefined) ?? json(200, RESPONSE),
    );
    expect(await transport.exchange(batchJob(), 'cookie')).toEqual(SETTLED);
  });
  test('not where the plugin is busy', async () => {
    const transport = answering((body) =>
      body.includes('mutations')
        ? json(503, { detail: { kind: 'busy', message: '…' } })
        : json(200, RESPONSE),
    );
    expect(await transport.exchange(batchJob(), 'cookie')).toMatchObject({
      kind: 'retry',
      for: 'airflow',
    });
  });
  test('never a pull', async () => {
    expect(await answering(() => FIREWALL).exchange(JOB, 'cookie')).toMatchObject({
      kind: 'retry',
      for: 'airflow',
    });
    expect(posts()).toHaveLength(1);
  });
});

describe('case A10: a proxy that garbles compressed bodies', () => {
  const NOT_UTF8 = json(400, { detail: { kind: 'malformed', message: 'the body is not UTF-8' } });
  const compressed = (): (boolean | undefined)[] => posts().map(({ compress }) => compress);
  test.each<[string, HttpReply]>([
    ['the server says that it is not UTF-8', NOT_UTF8],
    ['415', json(415, { detail: 'no gzip' })],
    ['422 HTML', json(422, undefined)],
    ['500', json(500, undefined)],
    [
      'it cannot be read',
      json(200, { ...RESPONSE, refused: 'invalid', reason: { kind: 'malformed', message: '…' } }),
    ],
    ['the connection is cut', { kind: 'failed', why: 'network' }],
  ])('%s: sent again uncompressed, and nothing is compressed for a while', async (_name, reply) => {
    const transport = answering((body, { compress }) =>
      compress && body.length > 2_000 ? reply : json(200, RESPONSE),
    );
    expect(await transport.exchange(batchJob(LONG), 'cookie')).toEqual(SETTLED);
    const first = posts().length;
    expect(await transport.exchange(batchJob(LONG), 'cookie')).toEqual(SETTLED);
    expect(compressed().slice(first)).toEqual([false]);
    now += 3_600_000;
    expect(await transport.exchange(batchJob(LONG), 'cookie')).toEqual(SETTLED);
    expect(compressed().slice(first)[1], 'tried again later').toBe(true);
  });
  test('refused uncompressed too: the refusal counts', async () => {
    const transport = answering(() => NOT_UTF8);
    expect(await transport.exchange(batchJob(LONG), 'cookie')).toMatchObject({
      kind: 'refuse',
      reason: { kind: 'malformed' },
    });
    expect(compressed()).toEqual([true, false]);
  });
  test('a plain body is not sent twice, nor a body that is too large', async () => {
    await answering(() => NOT_UTF8).exchange(batchJob(), 'cookie');
    expect(posts()).toHaveLength(1);
    await answering(() => json(413, undefined)).exchange(batchJob(LONG), 'cookie');
    expect(posts()).toHaveLength(2);
  });
});

const OPEN = readCollections({ version: 1, collections: { asks: { schema: {} } } });
const PRIVATE = readCollections({
  version: 1,
  collections: { asks: { schema: {} }, own: { schema: {}, read: 'own' } },
});
const auto = (declarations: Declarations = OPEN): Transport =>
  createAutoTransport({ plugin, dag, declarations: () => declarations });

describe('auto', () => {
  test('uses the plugin where there is one', async () => {
    expect(await exchange(auto())).toEqual(SETTLED);
    expect(log).toEqual(['hello', 'exchange']);
  });
  test.each([
    ['Airflow’s own page', HTML],
    ['404 in Airflow’s words', NOT_FOUND],
    ['404 of a proxy', json(404, undefined)],
  ])('uses the DAG where Airflow answers and the plugin is missing: %s', async (_name, hello) => {
    answers.hello = hello;
    expect(await exchange(auto())).toEqual(BY_DAG);
    expect(log).toEqual(['hello', 'version', 'dag']);
    expect(
      asked[1]?.authorization,
      'the version is no secret, and nothing secret is sent to learn it',
    ).toEqual({ headers: {}, credentials: 'omit' });
  });
  test('returns to the plugin on its own', async () => {
    const transport = auto();
    answers.hello = HTML;
    expect(await exchange(transport)).toEqual(BY_DAG);
    answers.hello = HELLO;
    expect(await exchange(transport)).toEqual(SETTLED);
  });
  test.each<[string, HttpReply, HttpReply, Effect]>([
    ['a gateway without Airflow', DOWN, DOWN, AGAIN],
    ['fault 21: a captive portal', HTML, HTML, ELSEWHERE],
    ['case D10: a wrong path', NOT_FOUND, NOT_FOUND, ELSEWHERE],
    [
      'case D10: a server that says 404 to all',
      json(404, undefined),
      json(404, undefined),
      ELSEWHERE,
    ],
    [
      'case D10: a store that is not configured',
      json(503, { detail: { kind: 'store_not_configured', message: 'no Connection' } }),
      VERSION,
      NO_STORE,
    ],
    ['no network', { kind: 'failed', why: 'network' }, VERSION, { kind: 'retry', for: 'network' }],
    [
      'the network goes in between',
      HTML,
      { kind: 'failed', why: 'network' },
      { kind: 'retry', for: 'network' },
    ],
    ['a plugin in trouble', json(500, { detail: 'why' }), VERSION, AGAIN],
    [
      'a right is missing',
      json(403, { detail: 'Forbidden' }),
      VERSION,
      { kind: 'hold', for: 'forbidden' },
    ],
  ])('an outage is not a missing plugin: %s', async (_name, hello, version, expected) => {
    Object.assign(answers, { hello, version });
    expect(await exchange(auto())).toMatchObject(expected);
    expect(log).not.toContain('dag');
  });
  test('waits for the plugin with a private collection, which no DAG run may carry', async () => {
    answers.hello = HTML;
    expect(await exchange(auto(PRIVATE))).toMatchObject(MISSING);
    expect(log).not.toContain('dag');
  });
});

test('an app gets the transport of its choice', () => {
  const deps = {
    user: 'ana',
    http,
    credentials,
    declarations: () => OPEN,
    randomHex: () => 'x',
    sleep: async () => undefined,
    now: () => now,
  };
  expect(createTransport('dag', deps).carriesPrivate).toBe(false);
  expect(createTransport('plugin', deps).carriesPrivate).toBe(true);
  expect(createTransport(undefined, deps).carriesPrivate).toBe(true);
  expect(() => createTransport('carrier-pigeon' as 'dag', deps)).toThrow('carrier-pigeon');
});
