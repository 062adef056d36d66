import { expect, test } from 'vitest';
import { bodyOf, classify, type Classified, type Step } from './classify.ts';
import type { HttpReply } from './http.ts';

const STEPS: readonly Step[] = ['token', 'identity', 'trigger', 'look', 'wait', 'result', 'hello', 'exchange', 'version'];
/** What Airflow answers to each step when all is well. */
const RIGHT: Readonly<Record<Step, object>> = {
  token: { access_token: 'jwt', token_type: 'cli' },
  identity: { username: 'ana', id: '7' },
  trigger: { dag_run_id: 'updraft__r__e__1__aaaaaaaa__a1', dag_id: 'updraft_exchange', state: 'queued' },
  look: { dag_run_id: 'updraft__r__e__1__aaaaaaaa__a1', state: 'running', conf: { updraft: '{}' } },
  wait: { state: 'success' },
  result: { key: 'return_value', value: '{}' },
  hello: { protocol: 1, user: 'ana' },
  exchange: { protocol: 1, replicaId: 'r1' },
  version: { version: '3.3.2', git_version: null },
};
/** Anything but JSON has no `json`. */
const HTML = undefined;
const DETAIL = { detail: 'why' };
const http = (status: number, json: unknown, retryAfterMs?: number): HttpReply => ({
  kind: 'http',
  status,
  json,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

const ok: Classified = { effect: 'ok' };
const again: Classified = { effect: 'retry', for: 'airflow' };
const later = (retryAfterMs: number): Classified => ({ effect: 'retry', for: 'airflow', retryAfterMs });
const network: Classified = { effect: 'retry', for: 'network' };
const signIn: Classified = { effect: 'sign-in', reason: 'refused' };
const forbidden: Classified = { effect: 'hold', for: 'forbidden' };
const missing: Classified = { effect: 'missing' };
const refused = (kind: string, message: string): Classified => ({ effect: 'refuse', reason: { kind, message } });

const both = (kind: string, message: string): Partial<Record<Step, Classified>> => ({ trigger: refused(kind, message), exchange: refused(kind, message) });

type Row = readonly [name: string, reply: HttpReply | ((step: Step) => HttpReply), everyStep: Classified, but?: Partial<Record<Step, Classified>>];
/** One row a case: what it means at every step, and the steps where it means something else. */
const TABLE: readonly Row[] = [
  // Success is this step's own shape under 200, nothing else.
  ['200 with the right shape', (step) => http(200, RIGHT[step]), ok],
  ['200 with JSON of another shape', http(200, { hello: 'world' }), again],
  ['200 with JSON that is no object', http(200, ['queued']), again],
  ['200 with null', http(200, null), again],
  ['200 with an error in it', http(200, DETAIL), again],
  ['201 with the right shape', (step) => http(201, RIGHT[step]), again],
  ['202 with the right shape', (step) => http(202, RIGHT[step]), again],
  ['200 HTML: of a captive portal, or Airflow’s own page for a path it does not know', http(200, HTML), again, { hello: missing, identity: missing }],
  ['204', http(204, undefined), again],
  ['206 with the right shape', (step) => http(206, RIGHT[step]), again],
  ['304', http(304, undefined), again],
  // Redirects never arrive as such: fetch fails on them.
  ['a redirect, a reset, no network', { kind: 'failed', why: 'network' }, network],
  ['a timeout', { kind: 'failed', why: 'timeout' }, network],
  // Credentials.
  ['401 in Airflow’s words', http(401, DETAIL), signIn],
  ['401 HTML: a proxy wants a password of its own', http(401, HTML), again],
  ['403 Invalid JWT token', http(403, { detail: 'Invalid JWT token' }), signIn],
  ['403 Forbidden: a right is missing', http(403, { detail: 'Forbidden' }), forbidden],
  ['403 HTML: a firewall', http(403, HTML), again],
  ['407: the proxy wants a sign-in', http(407, HTML), again],
  ['511: the network wants a sign-in', http(511, HTML), again],
  // What is not there.
  ['404 in Airflow’s words', http(404, DETAIL), missing, { trigger: { effect: 'hold', for: 'dag-missing' } }],
  ['404 HTML: the wrong server, or a proxy that lets only known paths through', http(404, HTML), again, { hello: missing, identity: missing }],
  ['405 in Airflow’s words: no route for it', http(405, DETAIL), again, { token: missing, exchange: missing }],
  ['410 HTML', http(410, HTML), again],
  // A run id that is taken: whose it is, is asked.
  [
    '409 in Airflow’s words, an object',
    http(409, { detail: { reason: 'Unique constraint violation', statement: 'INSERT …' } }),
    again,
    { trigger: { effect: 'accepted-before' } },
  ],
  ['409 in Airflow’s words, a text', http(409, DETAIL), again, { trigger: { effect: 'accepted-before' } }],
  ['409 HTML', http(409, HTML), again],
  // A request refused as a whole.
  ['400 in Airflow’s words', http(400, DETAIL), again, both('malformed', 'Airflow refused the request with status 400: why')],
  ['400 HTML', http(400, HTML), again],
  ['413 in Airflow’s words', http(413, DETAIL), again, both('too_large', 'Airflow refused the request with status 413: why')],
  ['413 HTML: a proxy’s limit is a limit too', http(413, HTML), again, both('too_large', 'Airflow refused the request with status 413')],
  [
    '422 in Airflow’s words',
    http(422, { detail: [{ loc: ['body', 'conf'], input: 'secret' }] }),
    again,
    both('malformed', 'Airflow refused the request with status 422'),
  ],
  ['422 HTML', http(422, HTML), again],
  [
    '413 in the plugin’s words',
    http(413, { detail: { kind: 'too_large', message: 'the request exceeds 1048576 bytes' } }),
    again,
    both('too_large', 'Airflow refused the request with status 413: the request exceeds 1048576 bytes'),
  ],
  ['415 in Airflow’s words', http(415, DETAIL), again, both('malformed', 'Airflow refused the request with status 415: why')],
  // Trouble that passes.
  ['429 with Retry-After', http(429, DETAIL, 7_000), later(7_000)],
  ['429 HTML with Retry-After', http(429, HTML, 7_000), later(7_000)],
  ['500 in Airflow’s words', http(500, DETAIL), again],
  ['500 text', http(500, HTML), again],
  ['502 HTML', http(502, HTML), again],
  ['503 with Retry-After', http(503, HTML, 30_000), later(30_000)],
  ['503 without', http(503, HTML), again],
  ['504 HTML', http(504, HTML), again],
];

for (const [name, reply, everyStep, but = {}] of TABLE) {
  test.each(STEPS)(`${name}, at the step %s`, (step) => {
    expect(classify(step, typeof reply === 'function' ? reply(step) : reply)).toEqual(but[step] ?? everyStep);
  });
}

test('captive portal: a 200 with HTML acknowledges nothing', () => {
  // Of two steps it says that Airflow has no such route, or that this is no Airflow: which of the two, is asked.
  for (const step of STEPS) expect(classify(step, http(200, HTML)), step).toEqual(step === 'hello' || step === 'identity' ? missing : again);
});

test('the shape of one step is no success of another', () => {
  for (const step of STEPS)
    for (const other of STEPS) {
      const fits = step === other || (step === 'wait' && 'state' in RIGHT[other]);
      expect(classify(step, http(200, RIGHT[other])), `${other} at ${step}`).toEqual(fits ? ok : again);
    }
});

test('only what carries the batch can be refused as a whole, and only the trigger held for a missing DAG, or taken: a look never voids a batch', () => {
  for (const step of STEPS.filter((each) => each !== 'trigger' && each !== 'exchange'))
    for (const status of [400, 404, 409, 413, 422]) expect(['retry', 'missing']).toContain(classify(step, http(status, DETAIL)).effect);
});

test('law 9: what a refusal quotes is cut short', () => {
  const classified = classify('trigger', http(422, { detail: 'x'.repeat(10_000) }));
  expect(JSON.stringify(classified).length).toBeLessThan(400);
});

test('the body of an answer is read by its step’s shape; anything else is a bug and throws', () => {
  expect(bodyOf('identity', http(200, RIGHT.identity)).username).toBe('ana');
  expect(bodyOf('wait', http(200, { state: 'failed', results: {} })).state).toBe('failed');
  expect(() => bodyOf('wait', { kind: 'failed', why: 'network' })).toThrow();
});
