import { beforeEach, describe, expect, test } from 'vitest';
import { hashBatch } from '../../shared/batch.ts';
import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import type { Credentials } from './credentials.ts';
import { createDagTransport } from './dag.ts';
import type { Authorization, HttpReply, HttpRequest } from './http.ts';
import type { Effect, ExchangeJob, Transport } from './transport.ts';

const RUN_ID = /^[A-Za-z0-9_.~:+-]+$/;
const BEARER: Authorization = { headers: { authorization: 'Bearer secret' }, credentials: 'omit' };
const BATCH = '{"number":5,"nonce":"n5","mutations":[]}';
const REQUEST: ExchangeRequest = {
  protocol: 1,
  replicaId: 'r1',
  user: 'ana',
  epoch: 'e1',
  last: { number: 4, nonce: 'n4' },
  since: 10,
  floor: 3,
  limit: 1000,
};
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

type Endpoint = 'trigger' | 'look' | 'wait' | 'result' | 'key' | 'dag' | 'delete';
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
/** The end and the result of a new run. */
let born: Pick<Run, 'state' | 'result'>;
let sleeps: number;
let accepted: string[];
let forgotten: Authorization[];
let authorization: Authorization | Effect;
let randoms: number;
/** The DAG's description: a provider from before signatures does not mention a key. */
let doc: string | null;
let keyReads: number;
/** The reply to every trigger with a batch. */
let refusal: HttpReply | undefined;

beforeEach(() => {
  [runs, log, bodies, answers, accepted, forgotten] = [new Map(), [], [], {}, [], []];
  [hasWait, isPaused, sleeps, randoms] = [true, false, 0, 0];
  [doc, keyReads] = [null, 0];
  born = { state: 'success', result: JSON.stringify(RESPONSE) };
  authorization = BEARER;
  refusal = undefined;
});

function endpointOf({ method, path }: HttpRequest): Endpoint {
  if (method === 'POST') return 'trigger';
  if (method === 'DELETE') return 'delete';
  if (path.includes('/wait')) return 'wait';
  if (path.endsWith('/details')) return 'key';
  if (path.endsWith('/xcomEntries/return_value')) return 'result';
  return path.includes('/dagRuns/') ? 'look' : 'dag';
}
async function http(request: HttpRequest): Promise<HttpReply> {
  const endpoint = endpointOf(request);
  if (endpoint === 'key') keyReads++;
  else log.push(endpoint);
  if (request.body !== undefined) bodies.push(request.body);
  if (refusal && request.body?.includes('mutations')) return refusal;
  return answers[endpoint]?.shift() ?? airflow(endpoint, request);
}
function airflow(endpoint: Endpoint, { path, body }: HttpRequest): HttpReply {
  if (endpoint === 'key') return json(200, { dag_id: 'updraft_exchange', doc_md: doc });
  if (endpoint === 'dag') return json(200, { dag_id: 'updraft_exchange', is_paused: isPaused });
  if (endpoint === 'trigger') {
    const { dag_run_id, conf } = JSON.parse(body ?? '') as { dag_run_id: string; conf: unknown };
    if (runs.has(dag_run_id))
      return json(409, { detail: { reason: 'Unique constraint violation' } });
    runs.set(dag_run_id, { conf, ...born });
    return json(200, { dag_run_id, dag_id: 'updraft_exchange', state: 'queued' });
  }
  const runId = decodeURIComponent(path.split('/dagRuns/')[1]?.split('/')[0] ?? '');
  const run = runs.get(runId);
  if (!run || (endpoint === 'wait' && !hasWait)) return NOT_FOUND;
  if (endpoint === 'delete') return runs.delete(runId) ? json(204, undefined) : NOT_FOUND;
  if (endpoint === 'result')
    return run.result === undefined
      ? NOT_FOUND
      : json(200, { key: 'return_value', value: run.result });
  return json(200, { dag_run_id: runId, state: run.state, conf: run.conf });
}
const credentials: Credentials = {
  authorize: async () => authorization,
  unchecked: () => expect.unreachable('a DAG run keeps what it was given: nothing is sent unasked'),
  forget: async (_kind, refused) => void forgotten.push(refused),
  signIn: async () => undefined,
};
const deps = {
  http,
  credentials,
  randomHex: () => `random${++randoms}`,
  sleep: async () => void sleeps++,
};
const transport = createDagTransport(deps);

async function job(part: Partial<ExchangeJob> = {}): Promise<ExchangeJob> {
  return {
    request: { ...REQUEST, batch: BATCH, hash: await hashBatch(BATCH) },
    delivery: { number: 5, attempt: 1 },
    onAccepted: async (run) => void accepted.push(run),
    ...part,
  };
}
const exchange = async (part: Partial<ExchangeJob> = {}): Promise<Effect> =>
  transport.exchange(await job(part), 'memory');
const pull = (): Promise<Effect> => exchange({ request: REQUEST, delivery: null });
const runIdOf = async (attempt = 1): Promise<string> =>
  `updraft__r1__e1__5__${(await hashBatch(BATCH)).slice(0, 8)}__a${attempt}`;
const confOf = async (): Promise<unknown> => ({ updraft: JSON.stringify((await job()).request) });

describe('a batch', () => {
  test('is triggered under its own run id, awaited, and answered by the run’s result', async () => {
    expect(await exchange()).toEqual({
      kind: 'settle',
      response: RESPONSE,
      via: 'dag',
      run: await runIdOf(),
    });
    expect(log).toEqual(['trigger', 'wait', 'result']);
    expect(accepted).toEqual([await runIdOf()]);
    expect(await runIdOf()).toMatch(RUN_ID);
  });
  test('has no logical date, which would be a second unique key; conf is one string', async () => {
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
  test('is resent with the same bytes under the same run id, attempt by attempt', async () => {
    answers = { trigger: [NETWORK, NETWORK] };
    expect(await exchange()).toMatchObject({ kind: 'retry', for: 'network' });
    await exchange();
    expect(bodies[2]).toBe(bodies[0]);
    runs.clear();
    await exchange({ delivery: { number: 5, attempt: 2 } });
    expect(Array.from(runs.keys())).toEqual([await runIdOf(2)]);
  });
  test('fault 2, 18: the answer to the trigger was lost: 409, and the run is ours', async () => {
    runs.set(await runIdOf(), { conf: await confOf(), ...born });
    expect(await exchange()).toMatchObject({ kind: 'settle', run: await runIdOf() });
    expect(log).toEqual(['trigger', 'look', 'wait', 'result']);
    expect(accepted).toEqual([await runIdOf()]);
  });
  test('resent with another checkpoint is still the same batch', async () => {
    const { request } = await job();
    runs.set(await runIdOf(), {
      conf: { updraft: JSON.stringify({ ...request, since: 9, floor: 1, limit: 5 }) },
      ...born,
    });
    expect(await exchange()).toMatchObject({ kind: 'settle' });
  });
});

describe('fault 26: the run id is taken by another run', () => {
  test.each<[string, (request: ExchangeRequest) => unknown]>([
    [
      'another replica',
      (request) => ({ updraft: JSON.stringify({ ...request, replicaId: 'r2' }) }),
    ],
    ['another batch', (request) => ({ updraft: JSON.stringify({ ...request, batch: 'other' }) })],
    [
      'the same batch under another hash',
      (request) => ({ updraft: JSON.stringify({ ...request, hash: '00' }) }),
    ],
    ['another epoch', (request) => ({ updraft: JSON.stringify({ ...request, epoch: 'e0' }) })],
    [
      'a void',
      ({ batch: _batch, hash: _hash, ...request }) => ({
        updraft: JSON.stringify({ ...request, void: { number: 5, nonce: 'n5' } }),
      }),
    ],
    ['a run someone made by hand', () => ({})],
    ['a conf that is no JSON', () => ({ updraft: '{' })],
    ['a conf that is no object', () => ({ updraft: '7' })],
    ['no conf', () => null],
  ])('%s: a new attempt, and the result is not read', async (_name, conf) => {
    runs.set(await runIdOf(), { conf: conf((await job()).request), ...born });
    expect(await exchange()).toEqual({ kind: 'next-attempt' });
    expect(log).toEqual(['trigger', 'look']);
    expect(accepted).toEqual([]);
  });
  test('gone at the look: a new attempt', async () => {
    answers = { trigger: [json(409, { detail: 'taken' })] };
    expect(await exchange()).toEqual({ kind: 'next-attempt' });
  });
});

describe('an accepted run is followed, never triggered again', () => {
  const resume = async (): Promise<Effect> =>
    exchange({ delivery: { number: 5, attempt: 1, acceptedRun: await runIdOf() } });
  const begun = async (part: Partial<Run> = {}): Promise<Map<string, Run>> =>
    runs.set(await runIdOf(), { conf: await confOf(), ...born, ...part });

  test('by a new worker', async () => {
    await begun();
    expect(await resume()).toMatchObject({ kind: 'settle' });
    expect(log).toEqual(['wait', 'result']);
  });
  test('failed: a new attempt, harmless by the ledger', async () => {
    await begun({ state: 'failed' });
    expect(await resume()).toEqual({ kind: 'next-attempt' });
  });
  test('missing (someone cleared the run): a new attempt', async () => {
    expect(await resume()).toEqual({ kind: 'next-attempt' });
  });
  test('accepted in an earlier attempt: triggered again under the new attempt', async () => {
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
    [
      'an answer with a verdict of no known kind',
      JSON.stringify({
        ...RESPONSE,
        verdicts: [{ collection: 'asks', id: 'x', verdict: 'maybe', revision: 1 }],
      }),
    ],
    [
      'an answer with a record without id',
      JSON.stringify({
        ...RESPONSE,
        changes: [{ collection: 'asks', id: 'x', revision: 1, record: {} }],
      }),
    ],
  ])('%s: nothing is acknowledged, a new attempt', async (_name, result) => {
    await begun({ result });
    expect(await resume()).toEqual({ kind: 'next-attempt' });
  });
  test('a provider of another protocol: the update is awaited, no attempt is wasted', async () => {
    await begun({ result: JSON.stringify({ ...RESPONSE, protocol: 3, news: true }) });
    expect(await resume()).toMatchObject({ kind: 'hold', for: 'update' });
  });
  test.each<[Endpoint, string, HttpReply, Effect]>([
    ['wait', 'no network', NETWORK, { kind: 'retry', for: 'network' }],
    ['wait', 'a captive portal', HTML, { kind: 'retry', for: 'airflow' }],
    ['wait', 'a gateway’s 502', json(502, undefined), { kind: 'retry', for: 'airflow' }],
    ['result', 'no network', NETWORK, { kind: 'retry', for: 'network' }],
    ['result', 'a timeout', TIMEOUT, { kind: 'retry', for: 'network' }],
    ['result', 'a captive portal', HTML, { kind: 'retry', for: 'airflow' }],
    [
      'result',
      'a missing right',
      json(403, { detail: 'Forbidden' }),
      { kind: 'hold', for: 'forbidden' },
    ],
  ])('at %s, %s: tried again later, unchanged', async (endpoint, _name, reply, expected) => {
    await begun();
    answers = { [endpoint]: [reply] };
    expect(await resume()).toMatchObject(expected);
    expect(log).not.toContain('trigger');
  });
});

describe('waiting for a run', () => {
  test('without /wait, the run is polled each second', async () => {
    hasWait = false;
    born = { ...born, state: 'queued' };
    const state = (name: string): HttpReply =>
      json(200, { dag_run_id: 'x', state: name, conf: {} });
    answers = { look: [state('queued'), state('running'), state('success')] };
    expect(await exchange()).toMatchObject({ kind: 'settle' });
    expect(log).toEqual(['trigger', 'wait', 'look', 'look', 'look', 'result']);
    expect(sleeps).toBe(2);
  });
  test('after a slow /wait, the run is looked at', async () => {
    answers = { wait: [TIMEOUT] };
    expect(await exchange()).toMatchObject({ kind: 'settle' });
    expect(log).toEqual(['trigger', 'wait', 'look', 'result']);
  });
  test.each([true, false])(
    'queued for long: stops within a slice of the browser’s time (/wait: %s)',
    async (has) => {
      hasWait = has;
      if (has) answers = { wait: [TIMEOUT, TIMEOUT] };
      born = { ...born, state: 'queued' };
      expect(await exchange()).toEqual({ kind: 'wait-run', paused: false });
      expect(accepted).toHaveLength(1);
      expect(log.filter((endpoint) => endpoint === 'wait')).toHaveLength(2);
      expect(sleeps, 'seconds').toBe(has ? 0 : 25);
    },
  );
  test.each([true, false])(
    'of a paused DAG, which stays queued: told after the first wait (/wait: %s)',
    async (has) => {
      [hasWait, isPaused] = [has, true];
      if (has) answers = { wait: [TIMEOUT] };
      born = { ...born, state: 'queued' };
      expect(await exchange()).toEqual({ kind: 'wait-run', paused: true });
      expect(accepted).toHaveLength(1);
      expect(log.slice(-2)).toEqual(['look', 'dag']);
      expect(sleeps, 'seconds').toBe(has ? 0 : 5);
    },
  );
  test('an answer of /wait that is cut short does not end the wait', async () => {
    answers = { wait: [json(200, { state: 'running' })] };
    expect(await exchange()).toMatchObject({ kind: 'settle' });
    expect(log).toEqual(['trigger', 'wait', 'wait', 'result']);
  });
});

describe('a trigger that is not accepted', () => {
  test.each<[string, HttpReply, Effect]>([
    [
      'somebody else’s run',
      json(200, { dag_run_id: 'other', dag_id: 'updraft_exchange' }),
      { kind: 'retry', for: 'airflow' },
    ],
    ['no DAG', NOT_FOUND, { kind: 'hold', for: 'dag-missing' }],
    [
      'too large',
      json(413, undefined),
      {
        kind: 'refuse',
        reason: { kind: 'too_large', message: 'Airflow refused the request with status 413' },
      },
    ],
    ['token refused', json(401, { detail: 'expired' }), { kind: 'sign-in', reason: 'refused' }],
  ])('%s', async (_name, reply, expected) => {
    answers = { trigger: [reply] };
    expect(await exchange()).toMatchObject(expected);
    expect(accepted).toEqual([]);
    expect(log).toEqual(['trigger']);
  });
  test('fault 21: a captive portal that answers every request is an outage', async () => {
    answers = { trigger: [HTML, HTML] };
    expect(await exchange()).toMatchObject({ kind: 'retry', for: 'airflow' });
    expect(accepted).toEqual([]);
    expect(log).toEqual(['trigger', 'trigger']);
  });
  test.each([
    ['a proxy’s page', json(403, undefined)],
    ['a connection that is cut', NETWORK],
    ['Airflow’s own failure', json(500, { detail: 'Internal Server Error' })],
  ])(
    'case A9: refused by %s, while an empty run is accepted: turned away',
    async (_name, reply) => {
      refusal = reply;
      expect(await exchange()).toMatchObject({
        kind: 'turned-away',
        reason: { kind: 'refused-on-the-way' },
      });
      expect(log).toEqual(['trigger', 'trigger', 'trigger']);
      expect(JSON.parse(bodies[1] ?? '')).toMatchObject({ conf: {} });
      expect(bodies[2]).toBe(bodies[0]);
    },
  );
  test('a network glitch turns nothing away: the retry is accepted', async () => {
    answers = { trigger: [NETWORK] };
    expect(await exchange()).toMatchObject({ kind: 'settle' });
  });
  test('case A9: a pull and a voiding have nothing to turn away', async () => {
    answers = { trigger: [HTML] };
    expect(await pull()).toMatchObject({ kind: 'retry' });
    expect(log).toEqual(['trigger']);
  });
  test('refused credentials are forgotten, and no others', async () => {
    answers = { trigger: [json(403, { detail: 'Invalid JWT token' })] };
    await exchange();
    expect(forgotten).toEqual([BEARER]);
  });
  test('without credentials nothing is asked of Airflow', async () => {
    authorization = { kind: 'sign-in', reason: 'other-user' };
    expect(await exchange()).toEqual(authorization);
    expect(log).toEqual([]);
  });
});

test('each pull attempt has a new run id: a reused id gives 409 and an old result', async () => {
  await pull();
  await pull();
  expect(Array.from(runs.keys())).toEqual([
    'updraft__r1__pull__random1',
    'updraft__r1__pull__random2',
  ]);
  for (const id of runs.keys()) expect(id).toMatch(RUN_ID);
});

describe('a pull whose run had not ended when its attempt did', () => {
  let worker: Transport;
  const ask = async (request: ExchangeRequest): Promise<Effect> =>
    worker.exchange(await job({ request, delivery: null }), 'memory');
  const pullFrom = (since: number): Promise<Effect> => ask({ ...REQUEST, since });
  const ids = (): string[] => Array.from(runs.keys());
  beforeEach(async () => {
    worker = createDagTransport(deps);
    born = { ...born, state: 'queued' };
    answers = { wait: [TIMEOUT, TIMEOUT] };
    expect(await pullFrom(10)).toEqual({ kind: 'wait-run', paused: false });
    log = [];
  });
  const end = (state: string): void => runs.forEach((run) => (run.state = state));

  test('is followed by the next attempt, as an earlier run, without a second run', async () => {
    answers = { wait: [TIMEOUT, TIMEOUT] };
    expect(await pullFrom(10)).toEqual({ kind: 'wait-run', paused: false });
    end('success');
    expect(await pullFrom(10)).toMatchObject({ kind: 'settle', isEarlier: true, run: ids()[0] });
    expect(ids()).toHaveLength(1);
    expect(log).not.toContain('trigger');
  });
  test('is followed once: the next pull has a new run and a current answer', async () => {
    end('success');
    await pullFrom(10);
    born = { ...born, state: 'success' };
    expect(await pullFrom(10)).not.toHaveProperty('isEarlier');
    expect(ids()).toHaveLength(2);
  });
  test('of a paused DAG stays the only run', async () => {
    isPaused = true;
    answers = { wait: [TIMEOUT, TIMEOUT] };
    for (let attempt = 0; attempt < 2; attempt++)
      expect(await pullFrom(10)).toEqual({ kind: 'wait-run', paused: true });
    expect(ids()).toHaveLength(1);
  });
  test.each(['failed', 'gone'])('%s: a new run', async (how) => {
    if (how === 'gone') runs.clear();
    end('failed');
    expect(await pullFrom(10)).toEqual({ kind: 'next-attempt' });
    born = { ...born, state: 'success' };
    expect(await pullFrom(10)).toMatchObject({ kind: 'settle' });
    expect(log).toContain('trigger');
  });
  test('does not answer another question', async () => {
    end('success');
    born = { ...born, state: 'success' };
    expect(await pullFrom(11)).not.toHaveProperty('isEarlier');
    expect(ids()).toHaveLength(2);
  });
  test('answers the same question with another device report', async () => {
    end('success');
    expect(await ask({ ...REQUEST, device: { unsent: 1, failures: 1 } })).toMatchObject({
      isEarlier: true,
    });
  });
});

test('a voiding has a run id of its own, and recognises its own run', async () => {
  const part = {
    request: { ...REQUEST, void: { number: 5, nonce: 'n5' } },
    delivery: { number: 5, attempt: 1 },
  };
  await exchange(part);
  expect(await exchange(part)).toMatchObject({
    kind: 'settle',
    run: 'updraft__r1__e1__5__void__a1',
  });
  expect(log).toEqual(['trigger', 'wait', 'result', 'trigger', 'look', 'wait', 'result']);
});

test('acceptance is stored before any further request', async () => {
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

  test('is kept unless the app wants deletion', () => {
    expect(transport.forget).toBeUndefined();
    expect(createDagTransport({ ...deps, settledRuns: 'keep' }).forget).toBeUndefined();
  });
  test('is deleted, and no other run', async () => {
    await exchange();
    await exchange({ delivery: { number: 5, attempt: 2 } });
    await tidy.forget?.(await runIdOf(2), 'memory');
    expect([...runs.keys()]).toEqual([await runIdOf(1)]);
  });
  test('stays without the right to delete, or without a network: no failure', async () => {
    await exchange();
    answers = { delete: [json(403, { detail: 'Forbidden' }), NETWORK, TIMEOUT] };
    for (let tries = 0; tries < 3; tries++) await tidy.forget?.(await runIdOf(), 'memory');
    authorization = { kind: 'sign-in', reason: 'missing' };
    await tidy.forget?.(await runIdOf(), 'memory');
    expect(log).toEqual(['trigger', 'wait', 'result', 'delete', 'delete', 'delete']);
    expect(runs.size).toBe(1);
    expect(forgotten).toEqual([]);
  });
});

describe('case B3: an XCom that the provider did not sign is no answer', () => {
  const newPair = async (): Promise<CryptoKeyPair> =>
    await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
  const base64 = (bytes: ArrayBuffer): string =>
    btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const docOf = async ({ publicKey }: CryptoKeyPair): Promise<string> =>
    `DAG updraft_exchange\n\nAnswers are signed (ECDSA P-256, SHA-256) with ` +
    `updraft-key: ${base64(await crypto.subtle.exportKey('raw', publicKey))}`;
  /** Signs like the task: provider/airflow_updraft/exchange/signature.py. */
  const sign = async (
    text: string,
    { privateKey }: CryptoKeyPair,
    run: string,
    user = 'ana',
  ): Promise<string> => {
    const signed = new TextEncoder().encode(['updraft answer 1', run, user, text].join('\n'));
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    const signature = await crypto.subtle.sign(algorithm, privateKey, signed);
    return `${text.slice(0, -1)},"signature":"${base64(signature)}"}`;
  };
  const ANSWER = JSON.stringify({ ...RESPONSE, verdicts: [] });
  let pair: CryptoKeyPair;
  let fresh: ReturnType<typeof createDagTransport>;
  const send = async (): Promise<Effect> => fresh.exchange(await job(), 'memory');
  beforeEach(async () => {
    pair = await newPair();
    doc = await docOf(pair);
    fresh = createDagTransport(deps);
  });

  test('a signed answer settles; the key is read once', async () => {
    born = { state: 'success', result: await sign(ANSWER, pair, await runIdOf()) };
    expect(await send()).toEqual({
      kind: 'settle',
      response: { ...RESPONSE, verdicts: [] },
      via: 'dag',
      run: await runIdOf(),
    });
    expect(await send()).toMatchObject({ kind: 'settle' });
    expect(keyReads).toBe(1);
  });
  test.each<[string, () => Promise<string>]>([
    ['unsigned', async () => ANSWER],
    ['signed with another key', async () => sign(ANSWER, await newPair(), await runIdOf())],
    [
      'signed, then changed',
      async () => (await sign(ANSWER, pair, await runIdOf())).replace('"upTo":10', '"upTo":11'),
    ],
    ['of another run', async () => sign(ANSWER, pair, 'updraft__r1__e1__5__00000000__a1')],
    ['of another user’s run', async () => sign(ANSWER, pair, await runIdOf(), 'ben')],
    [
      'changed behind its signature',
      async () => `${(await sign(ANSWER, pair, await runIdOf())).slice(0, -1)},"more":true}`,
    ],
    [
      'with a key of its own',
      async () =>
        sign(ANSWER.replace('{', '{"updraft-key":"x",'), await newPair(), await runIdOf()),
    ],
    [
      'with a signature that is none',
      async () => `${ANSWER.slice(0, -1)},"signature":"${'A'.repeat(86)}=="}`,
    ],
    ['of another protocol', async () => JSON.stringify({ ...RESPONSE, protocol: 3 })],
  ])('%s: nothing is acknowledged, a new attempt', async (_name, forge) => {
    born = { state: 'success', result: await forge() };
    expect(await send()).toEqual({ kind: 'next-attempt' });
  });
  test('a new key is learnt from the DAG alone, and at once', async () => {
    born = { state: 'success', result: await sign(ANSWER, pair, await runIdOf()) };
    await send();
    runs.clear();
    pair = await newPair();
    doc = await docOf(pair);
    born = { state: 'success', result: await sign(ANSWER, pair, await runIdOf()) };
    expect(await send()).toMatchObject({ kind: 'settle' });
    expect(keyReads).toBe(2);
  });
  test('a provider without a key yet is awaited, with the same run', async () => {
    doc = 'Answers are signed with updraft-key: none-yet';
    born = { state: 'success', result: await sign(ANSWER, pair, await runIdOf()) };
    expect(await send()).toEqual({ kind: 'retry', for: 'airflow' });
    doc = await docOf(pair);
    expect(await send()).toMatchObject({ kind: 'settle' });
    expect(runs.size).toBe(1);
  });
  test.each<[string, HttpReply, Effect]>([
    ['no network', NETWORK, { kind: 'retry', for: 'network' }],
    ['a captive portal', HTML, { kind: 'retry', for: 'airflow' }],
    ['no DAG', NOT_FOUND, { kind: 'next-attempt' }],
  ])(
    'an unreadable key, %s, is not taken for a provider without signatures',
    async (_name, reply, expected) => {
      answers = { key: [reply] };
      expect(await send()).toMatchObject(expected);
    },
  );
});

test('case B3: an unsigned provider, from before signatures, is asked each time', async () => {
  doc = 'DAG updraft_exchange';
  const fresh = createDagTransport(deps);
  for (const reads of [1, 2]) {
    expect(await fresh.exchange(await job(), 'memory')).toMatchObject({ kind: 'settle' });
    expect(keyReads).toBe(reads);
  }
});
