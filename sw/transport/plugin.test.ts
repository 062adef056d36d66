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
const REQUEST: ExchangeRequest = { protocol: 1, replicaId: 'r1', user: 'ana', epoch: 'e1', last: null, since: 10, floor: 3, limit: 1000 };
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
const JOB: ExchangeJob = { request: REQUEST, delivery: null, onAccepted: async () => expect.unreachable('no run is made') };
const json = (status: number, body: unknown): HttpReply => ({ kind: 'http', status, json: body });
const HTML = json(200, undefined);
const DOWN = json(502, undefined);
const NOT_FOUND = json(404, { detail: 'Not Found' });
const HELLO = json(200, { protocol: 1, user: 'ana', epoch: 'e1' });
const VERSION = json(200, { version: '3.3.2' });
const SETTLED: Effect = { effect: 'settle', response: RESPONSE, via: 'plugin' };
const BY_DAG: Effect = { effect: 'settle', response: RESPONSE, via: 'dag', run: 'run' };
const MISSING: Effect = { effect: 'hold', for: 'plugin-missing' };
const AGAIN: Effect = { effect: 'retry', for: 'airflow' };

type Endpoint = 'hello' | 'exchange' | 'version';
let answers: Record<Endpoint, HttpReply>;
let log: string[];
let asked: { readonly request: HttpRequest; readonly authorization: Authorization }[];
let forgotten: Authorization[];
let authorization: Authorization | Effect;
let plugin: Transport;

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
  [log, asked, forgotten, authorization] = [[], [], [], COOKIE];
  plugin = createPluginTransport({ user: 'ana', http, credentials });
});
const exchange = (transport = plugin): Promise<Effect> => transport.exchange(JOB, 'cookie');

describe('the plugin', () => {
  test('is greeted once, and then each exchange is one request', async () => {
    for (let time = 0; time < 3; time++) expect(await exchange()).toEqual(SETTLED);
    expect(log).toEqual(['hello', 'exchange', 'exchange', 'exchange']);
    const { request, authorization: by } = asked[1] ?? expect.unreachable();
    expect(request).toMatchObject({ method: 'POST', path: '/updraft/v1/exchange', compress: true });
    expect(JSON.parse(request.body ?? '')).toEqual(REQUEST);
    expect(by).toEqual(COOKIE);
  });
  test('fault 38: the session is another user’s: nothing is sent', async () => {
    answers.hello = json(200, { protocol: 1, user: 'bob' });
    expect(await exchange()).toEqual({ effect: 'sign-in', reason: 'other-user' });
    expect(log).toEqual(['hello']);
  });
  test('fault 16: speaks another protocol: held for an update, nothing is sent', async () => {
    answers.hello = json(200, { protocol: 2, user: 'ana' });
    expect(await exchange()).toEqual({ effect: 'hold', for: 'update' });
    expect(log).toEqual(['hello']);
  });
  test('fault 16: is updated between two exchanges: held, and greeted again', async () => {
    await exchange();
    answers.exchange = json(200, { protocol: 2, replicaId: 'r1' });
    expect(await exchange()).toEqual({ effect: 'hold', for: 'update' });
  });
  test('answers something else that says protocol 1: no answer', async () => {
    answers.exchange = json(200, { ...RESPONSE, changes: 'many' });
    expect(await exchange()).toEqual(AGAIN);
  });
  test('fault 23: refuses the credentials: they are forgotten', async () => {
    answers.hello = json(401, { detail: 'Not authenticated' });
    expect(await exchange()).toEqual({ effect: 'sign-in', reason: 'refused' });
    expect(forgotten).toEqual([COOKIE]);
  });
  test('nobody is signed in: nothing is asked', async () => {
    authorization = { effect: 'sign-in', reason: 'missing' };
    expect(await exchange()).toEqual(authorization);
    expect(log).toEqual([]);
  });
  test('fault 25: is busy: again after the time it names', async () => {
    await exchange();
    answers.exchange = { kind: 'http', status: 503, json: { detail: { kind: 'busy', message: '…' } }, retryAfterMs: 3_000 };
    expect(await exchange()).toEqual({ ...AGAIN, retryAfterMs: 3_000 });
  });
  test('fault 21: an answer that is not its own (a captive portal’s) acknowledges nothing, and it is greeted before anything else is sent', async () => {
    await exchange();
    answers.exchange = HTML;
    expect(await exchange()).toEqual(AGAIN);
    answers.exchange = json(200, RESPONSE);
    expect(await exchange()).toEqual(SETTLED);
    expect(log).toEqual(['hello', 'exchange', 'exchange', 'hello', 'exchange']);
  });
  test('is taken away while the worker lives: it is missing only if Airflow itself answers', async () => {
    await exchange();
    answers.exchange = NOT_FOUND;
    expect(await exchange()).toEqual(MISSING);
    answers.version = DOWN;
    answers.hello = HTML;
    expect(await exchange()).toEqual(AGAIN);
  });
});

const OPEN = readCollections({ version: 1, collections: { asks: { schema: {} } } });
const PRIVATE = readCollections({ version: 1, collections: { asks: { schema: {} }, own: { schema: {}, read: 'own' } } });
const auto = (declarations: Declarations = OPEN): Transport => createAutoTransport({ plugin, dag, declarations });

describe('auto', () => {
  test('takes the plugin where there is one', async () => {
    expect(await exchange(auto())).toEqual(SETTLED);
    expect(log).toEqual(['hello', 'exchange']);
  });
  test.each([
    ['Airflow’s own page', HTML],
    ['404 in Airflow’s words', NOT_FOUND],
    ['404 of a proxy', json(404, undefined)],
  ])('takes the DAG where Airflow answers and the plugin is missing: %s', async (_name, hello) => {
    answers.hello = hello;
    expect(await exchange(auto())).toEqual(BY_DAG);
    expect(log).toEqual(['hello', 'version', 'dag']);
    expect(asked[1]?.authorization, 'the version is no secret, and nothing secret is sent to learn it').toEqual({ headers: {}, credentials: 'omit' });
  });
  test('comes back to the plugin by itself', async () => {
    const transport = auto();
    answers.hello = HTML;
    expect(await exchange(transport)).toEqual(BY_DAG);
    answers.hello = HELLO;
    expect(await exchange(transport)).toEqual(SETTLED);
  });
  test.each<[string, HttpReply, HttpReply, Effect]>([
    ['a gateway without Airflow', DOWN, DOWN, AGAIN],
    ['fault 21: a captive portal', HTML, HTML, AGAIN],
    ['a proxy that says 404 to all', json(404, undefined), json(404, undefined), AGAIN],
    ['no network', { kind: 'failed', why: 'network' }, VERSION, { effect: 'retry', for: 'network' }],
    ['the network goes in between', HTML, { kind: 'failed', why: 'network' }, { effect: 'retry', for: 'network' }],
    ['a plugin in trouble', json(500, { detail: 'why' }), VERSION, AGAIN],
    ['a right is missing', json(403, { detail: 'Forbidden' }), VERSION, { effect: 'hold', for: 'forbidden' }],
  ])('an outage is not a missing plugin: %s', async (_name, hello, version, expected) => {
    Object.assign(answers, { hello, version });
    expect(await exchange(auto())).toEqual(expected);
    expect(log).not.toContain('dag');
  });
  test('with a private collection waits for the plugin: a DAG run may carry none, and the checkpoint would pass over its changes', async () => {
    answers.hello = HTML;
    expect(await exchange(auto(PRIVATE))).toEqual(MISSING);
    expect(log).not.toContain('dag');
  });
});

test('what an app chooses is what it gets', () => {
  const deps = { user: 'ana', http, credentials, declarations: OPEN, randomHex: () => 'x', sleep: async () => undefined };
  expect(createTransport('dag', deps).carriesPrivate).toBe(false);
  expect(createTransport('plugin', deps).carriesPrivate).toBe(true);
  expect(createTransport(undefined, deps).carriesPrivate).toBe(true);
  expect(() => createTransport('carrier-pigeon' as 'dag', deps)).toThrow('carrier-pigeon');
});
