import { beforeEach, describe, expect, test } from 'vitest';
import { hashBatch } from '../../shared/batch.ts';
import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import type { Credentials } from './credentials.ts';
import { createDagTransport } from './dag.ts';
import type { Authorization, HttpReply, HttpRequest } from './http.ts';
import type { Effect, ExchangeJob } from './transport.ts';

const RUN_ID = /^[A-Za-z0-9_.~:+-]+$/;
const BEARER: Authorization = { headers: { authorization: 'Bearer secret' }, credentials: 'omit' };
const BATCH = '{"number":5,"nonce":"n5","mutations":[]}';
const REQUEST: ExchangeRequest = { protocol: 1, replicaId: 'r1', user: 'ana', epoch: 'e1', last: { number: 4, nonce: 'n4' }, since: 10, floor: 3, limit: 1000 };
const RESPONSE: ExchangeResponse = {
  protocol: 1,
  replicaId: 'r1',
  echo: { epoch: 'e1', since: 10, floor: 3, last: REQUEST.last, nonce: 'n5', hash: 'h' },
  epoch: 'e1',
  reset: false,
  start: 3,
  changes: [],
  upTo: 10,
  more: false,
};
const json = (status: number, body: unknown): HttpReply => ({ kind: 'http', status, json: body });
const HTML = json(200, undefined);
const NOT_FOUND = json(404, { detail: 'Not Found' });
const NETWORK: HttpReply = { kind: 'failed', why: 'network' };
const TIMEOUT: HttpReply = { kind: 'failed', why: 'timeout' };

type Endpoint = 'trigger' | 'look' | 'wait' | 'result' | 'dag' | 'delete';
interface Run {
  readonly conf: unknown;
  state: string;
  result: unknown;
}
/** Airflow with its runs. `answers` takes precedence, one answer after the other. */
let runs: Map<string, Run>;
let log: Endpoint[];
let bodies: string[];
let answers: Partial<Record<Endpoint, HttpReply[]>>;
let hasWait: boolean;
let isPaused: boolean;
/** What a new run becomes, and returns. */
let born: Pick<Run, 'state' | 'result'>;
let sleeps: number;
let accepted: string[];
let forgotten: Authorization[];
let authorization: Authorization | Effect;
let randoms: number;

beforeEach(() => {
  [runs, log, bodies, answers, accepted, forgotten] = [new Map(), [], [], {}, [], []];
  [hasWait, isPaused, sleeps, randoms] = [true, false, 0, 0];
  born = { state: 'success', result: JSON.stringify(RESPONSE) };
  authorization = BEARER;
});

function endpointOf({ method, path }: HttpRequest): Endpoint {
  if (method === 'POST') return 'trigger';
  if (method === 'DELETE') return 'delete';
  if (path.includes('/wait')) return 'wait';
  if (path.endsWith('/xcomEntries/return_value')) return 'result';
  return path.includes('/dagRuns/') ? 'look' : 'dag';
}
async function http(request: HttpRequest): Promise<HttpReply> {
  const endpoint = endpointOf(request);
  log.push(endpoint);
  if (request.body !== undefined) bodies.push(request.body);
  return answers[endpoint]?.shift() ?? airflow(endpoint, request);
}
function airflow(endpoint: Endpoint, { path, body }: HttpRequest): HttpReply {
  if (endpoint === 'dag') return json(200, { dag_id: 'updraft_exchange', is_paused: isPaused });
  if (endpoint === 'trigger') {
    const { dag_run_id, conf } = JSON.parse(body ?? '') as { dag_run_id: string; conf: unknown };
    if (runs.has(dag_run_id)) return json(409, { detail: { reason: 'Unique constraint violation' } });
    runs.set(dag_run_id, { conf, ...born });
    return json(200, { dag_run_id, dag_id: 'updraft_exchange', state: 'queued' });
  }
  const runId = decodeURIComponent(path.split('/dagRuns/')[1]?.split('/')[0] ?? '');
  const run = runs.get(runId);
  if (!run || (endpoint === 'wait' && !hasWait)) return NOT_FOUND;
  if (endpoint === 'delete') return runs.delete(runId) ? json(204, undefined) : NOT_FOUND;
  if (endpoint === 'result') return run.result === undefined ? NOT_FOUND : json(200, { key: 'return_value', value: run.result });
  return json(200, { dag_run_id: runId, state: run.state, conf: run.conf });
}
const credentials: Credentials = {
  authorize: async () => authorization,
  unchecked: () => expect.unreachable('a DAG run keeps what it was given: nothing is sent unasked'),
  forget: async (_kind, refused) => void forgotten.push(refused),
  signIn: async () => undefined,
};
const deps = { http, credentials, randomHex: () => `random${++randoms}`, sleep: async () => void sleeps++ };
const transport = createDagTransport(deps);

async function job(part: Partial<ExchangeJob> = {}): Promise<ExchangeJob> {
  return {
    request: { ...REQUEST, batch: BATCH, hash: await hashBatch(BATCH) },
    delivery: { number: 5, attempt: 1 },
    onAccepted: async (run) => void accepted.push(run),
    ...part,
  };
}
const exchange = async (part: Partial<ExchangeJob> = {}): Promise<Effect> => transport.exchange(await job(part), 'memory');
const pull = (): Promise<Effect> => exchange({ request: REQUEST, delivery: null });
const runIdOf = async (attempt = 1): Promise<string> => `updraft__r1__e1__5__${(await hashBatch(BATCH)).slice(0, 8)}__a${attempt}`;
const confOf = async (): Promise<unknown> => ({ updraft: JSON.stringify((await job()).request) });

describe('a batch', () => {
  test('is triggered under its own run id, waited for, and answered by the run’s result', async () => {
    expect(await exchange()).toEqual({ effect: 'settle', response: RESPONSE, via: 'dag', run: await runIdOf() });
    expect(log).toEqual(['trigger', 'wait', 'result']);
    expect(accepted).toEqual([await runIdOf()]);
    expect(await runIdOf()).toMatch(RUN_ID);
  });
  test('has no logical date: it would be a second unique key; conf is one string', async () => {
    await exchange();
    const body = JSON.parse(bodies[0] ?? '') as { conf: { updraft: string } };
    expect(Object.keys(body)).toEqual(['dag_run_id', 'logical_date', 'conf']);
    expect(body).toMatchObject({ logical_date: null });
    expect(JSON.parse(body.conf.updraft)).toEqual((await job()).request);
  });
  test('never holds credentials (law 9)', async () => {
    await exchange();
    expect(bodies.join()).not.toMatch(/secret|authorization|bearer/i);
  });
  test('sent again is the same bytes under the same run id, attempt by attempt', async () => {
    answers = { trigger: [NETWORK] };
    expect(await exchange()).toEqual({ effect: 'retry', for: 'network' });
    await exchange();
    expect(bodies[1]).toBe(bodies[0]);
    runs.clear();
    await exchange({ delivery: { number: 5, attempt: 2 } });
    expect(Array.from(runs.keys())).toEqual([await runIdOf(2)]);
  });
  test('fault 2, 18: the answer to the trigger was lost: 409, and the run is ours', async () => {
    runs.set(await runIdOf(), { conf: await confOf(), ...born });
    expect(await exchange()).toMatchObject({ effect: 'settle', run: await runIdOf() });
    expect(log).toEqual(['trigger', 'look', 'wait', 'result']);
    expect(accepted).toEqual([await runIdOf()]);
  });
  test('sent again from another checkpoint is the same batch', async () => {
    const { request } = await job();
    runs.set(await runIdOf(), { conf: { updraft: JSON.stringify({ ...request, since: 9, floor: 1, limit: 5 }) }, ...born });
    expect(await exchange()).toMatchObject({ effect: 'settle' });
  });
});

describe('fault 26: the run id is taken by another', () => {
  test.each<[string, (request: ExchangeRequest) => unknown]>([
    ['another replica', (request) => ({ updraft: JSON.stringify({ ...request, replicaId: 'r2' }) })],
    ['another batch', (request) => ({ updraft: JSON.stringify({ ...request, batch: 'other' }) })],
    ['the same batch under another hash', (request) => ({ updraft: JSON.stringify({ ...request, hash: '00' }) })],
    ['another epoch', (request) => ({ updraft: JSON.stringify({ ...request, epoch: 'e0' }) })],
    ['a void', ({ batch: _batch, hash: _hash, ...request }) => ({ updraft: JSON.stringify({ ...request, void: { number: 5, nonce: 'n5' } }) })],
    ['a run someone made by hand', () => ({})],
    ['a conf that is no JSON', () => ({ updraft: '{' })],
    ['a conf that is no object', () => ({ updraft: '7' })],
    ['no conf', () => null],
  ])('%s: a new attempt, and nothing of its result is looked at', async (_name, conf) => {
    runs.set(await runIdOf(), { conf: conf((await job()).request), ...born });
    expect(await exchange()).toEqual({ effect: 'next-attempt' });
    expect(log).toEqual(['trigger', 'look']);
    expect(accepted).toEqual([]);
  });
  test('and is gone when looked at: a new attempt', async () => {
    answers = { trigger: [json(409, { detail: 'taken' })] };
    expect(await exchange()).toEqual({ effect: 'next-attempt' });
  });
});

describe('an accepted run is followed, never triggered again', () => {
  const resume = async (): Promise<Effect> => exchange({ delivery: { number: 5, attempt: 1, acceptedRun: await runIdOf() } });
  const begun = async (part: Partial<Run> = {}): Promise<Map<string, Run>> => runs.set(await runIdOf(), { conf: await confOf(), ...born, ...part });

  test('by a worker started anew', async () => {
    await begun();
    expect(await resume()).toMatchObject({ effect: 'settle' });
    expect(log).toEqual(['wait', 'result']);
  });
  test('it failed: a new attempt, harmless by the ledger', async () => {
    await begun({ state: 'failed' });
    expect(await resume()).toEqual({ effect: 'next-attempt' });
  });
  test('it is missing (someone cleared it): a new attempt', async () => {
    expect(await resume()).toEqual({ effect: 'next-attempt' });
  });
  test('accepted under an earlier attempt, it is triggered under the new one', async () => {
    await exchange({ delivery: { number: 5, attempt: 2, acceptedRun: await runIdOf(1) } });
    expect(log[0]).toBe('trigger');
  });
  test.each<[string, unknown]>([
    ['no result', undefined],
    ['a result that is null', null],
    ['a result that is no text', RESPONSE],
    ['a result that is no JSON', 'done'],
    ['a result cut short', JSON.stringify(RESPONSE).slice(0, -7)],
    ['a result that is no answer', '{"verdicts": []}'],
    ['an answer with a verdict of no known kind', JSON.stringify({ ...RESPONSE, verdicts: [{ collection: 'asks', id: 'x', verdict: 'maybe', revision: 1 }] })],
    ['an answer with a record without id', JSON.stringify({ ...RESPONSE, changes: [{ collection: 'asks', id: 'x', revision: 1, record: {} }] })],
  ])('%s: nothing is acknowledged, a new attempt', async (_name, result) => {
    await begun({ result });
    expect(await resume()).toEqual({ effect: 'next-attempt' });
  });
  test('a provider of another protocol: both wait for an update, no attempt is wasted', async () => {
    await begun({ result: JSON.stringify({ ...RESPONSE, protocol: 2, news: true }) });
    expect(await resume()).toEqual({ effect: 'hold', for: 'update' });
  });
  test.each<[Endpoint, string, HttpReply, Effect]>([
    ['wait', 'no network', NETWORK, { effect: 'retry', for: 'network' }],
    ['wait', 'a captive portal', HTML, { effect: 'retry', for: 'airflow' }],
    ['wait', 'a gateway’s 502', json(502, undefined), { effect: 'retry', for: 'airflow' }],
    ['result', 'no network', NETWORK, { effect: 'retry', for: 'network' }],
    ['result', 'a timeout', TIMEOUT, { effect: 'retry', for: 'network' }],
    ['result', 'a captive portal', HTML, { effect: 'retry', for: 'airflow' }],
    ['result', 'a missing right', json(403, { detail: 'Forbidden' }), { effect: 'hold', for: 'forbidden' }],
  ])('at %s, %s: tried again later, as it is', async (endpoint, _name, reply, expected) => {
    await begun();
    answers = { [endpoint]: [reply] };
    expect(await resume()).toEqual(expected);
    expect(log).not.toContain('trigger');
  });
});

describe('waiting for a run', () => {
  test('where /wait is missing, it is looked at each second', async () => {
    hasWait = false;
    born = { ...born, state: 'queued' };
    const state = (name: string): HttpReply => json(200, { dag_run_id: 'x', state: name, conf: {} });
    answers = { look: [state('queued'), state('running'), state('success')] };
    expect(await exchange()).toMatchObject({ effect: 'settle' });
    expect(log).toEqual(['trigger', 'wait', 'look', 'look', 'look', 'result']);
    expect(sleeps).toBe(2);
  });
  test('where /wait takes too long, it is looked at', async () => {
    answers = { wait: [TIMEOUT] };
    expect(await exchange()).toMatchObject({ effect: 'settle' });
    expect(log).toEqual(['trigger', 'wait', 'look', 'result']);
  });
  test.each([true, false])('queued for long: given up for now, within a slice of the browser’s time (/wait: %s)', async (has) => {
    hasWait = has;
    if (has) answers = { wait: [TIMEOUT, TIMEOUT] };
    born = { ...born, state: 'queued' };
    expect(await exchange()).toEqual({ effect: 'wait-run', paused: false });
    expect(accepted).toHaveLength(1);
    expect(log.filter((endpoint) => endpoint === 'wait')).toHaveLength(2);
    expect(sleeps, 'seconds').toBe(has ? 0 : 25);
  });
  test.each([true, false])('of a paused DAG, which Airflow accepts and leaves queued: told after the first wait (/wait: %s)', async (has) => {
    [hasWait, isPaused] = [has, true];
    if (has) answers = { wait: [TIMEOUT] };
    born = { ...born, state: 'queued' };
    expect(await exchange()).toEqual({ effect: 'wait-run', paused: true });
    expect(accepted).toHaveLength(1);
    expect(log.slice(-2)).toEqual(['look', 'dag']);
    expect(sleeps, 'seconds').toBe(has ? 0 : 5);
  });
  test('an answer of /wait cut short does not end it', async () => {
    answers = { wait: [json(200, { state: 'running' })] };
    expect(await exchange()).toMatchObject({ effect: 'settle' });
    expect(log).toEqual(['trigger', 'wait', 'wait', 'result']);
  });
});

describe('a trigger that is not accepted', () => {
  test.each<[string, HttpReply, Effect]>([
    ['captive portal', HTML, { effect: 'retry', for: 'airflow' }],
    ['somebody else’s run', json(200, { dag_run_id: 'other', dag_id: 'updraft_exchange' }), { effect: 'retry', for: 'airflow' }],
    ['no DAG', NOT_FOUND, { effect: 'hold', for: 'dag-missing' }],
    ['too large', json(413, undefined), { effect: 'refuse', reason: { kind: 'too_large', message: 'Airflow refused the request with status 413' } }],
    ['token refused', json(401, { detail: 'expired' }), { effect: 'sign-in', reason: 'refused' }],
  ])('%s', async (_name, reply, expected) => {
    answers = { trigger: [reply] };
    expect(await exchange()).toEqual(expected);
    expect(accepted).toEqual([]);
    expect(log).toEqual(['trigger']);
  });
  test('refused credentials are forgotten, those and no others', async () => {
    answers = { trigger: [json(403, { detail: 'Invalid JWT token' })] };
    await exchange();
    expect(forgotten).toEqual([BEARER]);
  });
  test('without credentials nothing is asked of Airflow', async () => {
    authorization = { effect: 'sign-in', reason: 'other-user' };
    expect(await exchange()).toEqual(authorization);
    expect(log).toEqual([]);
  });
});

test('a pull has a run id of its own for each attempt: a reused one answers 409 and an old result for ever', async () => {
  await pull();
  await pull();
  expect(Array.from(runs.keys())).toEqual(['updraft__r1__pull__random1', 'updraft__r1__pull__random2']);
  for (const id of runs.keys()) expect(id).toMatch(RUN_ID);
});

test('a void has a run id of its own, and its own run is known again', async () => {
  const part = { request: { ...REQUEST, void: { number: 5, nonce: 'n5' } }, delivery: { number: 5, attempt: 1 } };
  await exchange(part);
  expect(await exchange(part)).toMatchObject({ effect: 'settle', run: 'updraft__r1__e1__5__void__a1' });
  expect(log).toEqual(['trigger', 'wait', 'result', 'trigger', 'look', 'wait', 'result']);
});

test('acceptance is on disk before anything else is asked', async () => {
  const order: string[] = [];
  await exchange({
    onAccepted: async () => {
      await Promise.resolve();
      order.push(...log, 'accepted');
    },
  });
  expect(order).toEqual(['trigger', 'accepted']);
});

describe('the run of a settled exchange', () => {
  const tidy = createDagTransport({ ...deps, settledRuns: 'delete' });

  test('is kept unless the app wants it deleted', () => {
    expect(transport.forget).toBeUndefined();
    expect(createDagTransport({ ...deps, settledRuns: 'keep' }).forget).toBeUndefined();
  });
  test('is deleted, and no other', async () => {
    await exchange();
    await exchange({ delivery: { number: 5, attempt: 2 } });
    await tidy.forget?.(await runIdOf(2), 'memory');
    expect([...runs.keys()]).toEqual([await runIdOf(1)]);
  });
  test('stays where it may not be deleted, or cannot be now: that is no failure of the exchange', async () => {
    await exchange();
    answers = { delete: [json(403, { detail: 'Forbidden' }), NETWORK, TIMEOUT] };
    for (let tries = 0; tries < 3; tries++) await tidy.forget?.(await runIdOf(), 'memory');
    authorization = { effect: 'sign-in', reason: 'missing' };
    await tidy.forget?.(await runIdOf(), 'memory');
    expect(log).toEqual(['trigger', 'wait', 'result', 'delete', 'delete', 'delete']);
    expect(runs.size).toBe(1);
    expect(forgotten).toEqual([]);
  });
});
