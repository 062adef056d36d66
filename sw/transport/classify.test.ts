import { describe, expect, test } from 'vitest';
import {
  bodyOf,
  classify,
  mayBeAboutTheBatch,
  turnedAway,
  type Classified,
  type Step,
} from './classify.ts';
import type { HttpReply } from './http.ts';

const STEPS: readonly Step[] = [
  'token',
  'identity',
  'trigger',
  'look',
  'wait',
  'result',
  'key',
  'hello',
  'exchange',
  'version',
];
/** Airflow's answer to each step when all is well. */
const RIGHT: Readonly<Record<Step, object>> = {
  token: { access_token: 'jwt', token_type: 'cli' },
  identity: { username: 'ana', id: '7' },
  trigger: {
    dag_run_id: 'updraft__r__e__1__aaaaaaaa__a1',
    dag_id: 'updraft_exchange',
    state: 'queued',
  },
  look: { dag_run_id: 'updraft__r__e__1__aaaaaaaa__a1', state: 'running', conf: { updraft: '{}' } },
  wait: { state: 'success' },
  result: { key: 'return_value', value: '{}' },
  key: { dag_id: 'updraft_exchange', doc_md: null },
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

const page = (status: number, text: string): HttpReply => ({
  kind: 'http',
  status,
  json: undefined,
  text,
});
/** The words have tests of their own. */
function withoutWords(classified: Classified): object {
  const { message: _, ...rest } = classified as Classified & { message?: string };
  return rest;
}

const ok: Classified = { kind: 'ok' };
const again: Classified = { kind: 'retry', for: 'airflow' };
const later = (retryAfterMs: number): Classified => ({
  kind: 'retry',
  for: 'airflow',
  retryAfterMs,
});
const elsewhere: Classified = { kind: 'retry', for: 'not-airflow' };
const signInPage: Classified = { kind: 'retry', for: 'sign-in-page' };
const store = (retryAfterMs?: number): Classified => ({
  kind: 'hold',
  for: 'store',
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const network: Classified = { kind: 'retry', for: 'network' };
const signIn: Classified = { kind: 'sign-in', reason: 'refused' };
const forbidden: Classified = { kind: 'hold', for: 'forbidden' };
const missing: Classified = { kind: 'missing' };
const refused = (kind: string, message: string): Classified => ({
  kind: 'refuse',
  reason: { kind, message },
});

const both = (kind: string, message: string): Partial<Record<Step, Classified>> => ({
  trigger: refused(kind, message),
  exchange: refused(kind, message),
});

type Row = readonly [
  name: string,
  reply: HttpReply | ((step: Step) => HttpReply),
  everyStep: Classified,
  but?: Partial<Record<Step, Classified>>,
];
/** A case: the effect at every step, and the steps with another effect. */
const TABLE: readonly Row[] = [
  // Success is this step's own shape under 200, nothing else.
  ['200 with the right shape', (step) => http(200, RIGHT[step]), ok],
  ['200 with JSON of another shape', http(200, { hello: 'world' }), again, { version: elsewhere }],
  ['200 with JSON that is no object', http(200, ['queued']), again, { version: elsewhere }],
  ['200 with null', http(200, null), again, { version: elsewhere }],
  ['200 with an error in it', http(200, DETAIL), again, { version: elsewhere }],
  ['201 with the right shape', (step) => http(201, RIGHT[step]), again],
  ['202 with the right shape', (step) => http(202, RIGHT[step]), again],
  [
    '200 with half an answer',
    http(200, undefined),
    again,
    { hello: missing, identity: missing, version: elsewhere },
  ],
  [
    'case D10: 200 HTML: of a captive portal, or Airflow’s own page for a path it does not know',
    page(200, '<!doctype html><h1>Free Wi-Fi</h1>'),
    elsewhere,
    { hello: missing, identity: missing },
  ],
  ['204', http(204, undefined), again],
  ['206 with the right shape', (step) => http(206, RIGHT[step]), again],
  ['304', http(304, undefined), again],
  [
    'case A10: a redirect: to a sign-in page of the network, or of a proxy',
    { kind: 'failed', why: 'redirect' },
    signInPage,
  ],
  ['a reset, no network', { kind: 'failed', why: 'network' }, network],
  ['a timeout', { kind: 'failed', why: 'timeout' }, network],
  // Credentials.
  ['401 in Airflow’s words', http(401, DETAIL), signIn],
  ['401 HTML: a proxy wants a password of its own', http(401, HTML), again],
  ['403 Invalid JWT token', http(403, { detail: 'Invalid JWT token' }), signIn],
  ['403 Forbidden: a right is missing', http(403, { detail: 'Forbidden' }), forbidden],
  [
    '403 in words of the plugin’s form',
    http(403, { detail: { kind: 'csrf', message: 'a header is missing' } }),
    forbidden,
  ],
  [
    'case A9: 403 in words that Airflow does not use',
    http(403, { detail: 'Blocked' }),
    forbidden,
    { trigger: again, exchange: again },
  ],
  ['403 HTML: a firewall', http(403, HTML), again],
  ['407: the proxy wants a sign-in', http(407, HTML), again],
  ['511: the network wants a sign-in', http(511, HTML), again],
  // Missing paths.
  [
    '404 in Airflow’s words',
    http(404, DETAIL),
    missing,
    { trigger: { kind: 'hold', for: 'dag-missing' }, version: elsewhere },
  ],
  [
    'case D10: 404 HTML: the wrong server, or a proxy that lets only known paths through',
    http(404, HTML),
    elsewhere,
    { hello: missing, identity: missing },
  ],
  [
    'case D10: 404 JSON of somebody else',
    http(404, { error: 'no route' }),
    elsewhere,
    { hello: missing, identity: missing },
  ],
  [
    '405 in Airflow’s words: no route for it',
    http(405, DETAIL),
    again,
    { token: missing, exchange: missing, version: elsewhere },
  ],
  ['case D10: 405 HTML: a server of files', http(405, HTML), elsewhere],
  ['410 HTML', http(410, HTML), elsewhere],
  ['501 HTML: a server of files', http(501, HTML), elsewhere],
  // A taken run id: the run is compared.
  [
    '409 in Airflow’s words, an object',
    http(409, { detail: { reason: 'Unique constraint violation', statement: 'INSERT …' } }),
    again,
    { trigger: { kind: 'accepted-before' } },
  ],
  [
    '409 in Airflow’s words, a text',
    http(409, DETAIL),
    again,
    { trigger: { kind: 'accepted-before' } },
  ],
  ['409 HTML', http(409, HTML), again],
  // A request refused as a whole.
  [
    '400 in Airflow’s words',
    http(400, DETAIL),
    again,
    both('malformed', 'Airflow refused the request with status 400: why'),
  ],
  ['400 HTML', http(400, HTML), again],
  [
    '413 in Airflow’s words',
    http(413, DETAIL),
    again,
    both('too_large', 'Airflow refused the request with status 413: why'),
  ],
  [
    '413 HTML: a proxy’s limit is a limit too',
    http(413, HTML),
    again,
    both('too_large', 'Airflow refused the request with status 413'),
  ],
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
    both(
      'too_large',
      'Airflow refused the request with status 413: the request exceeds 1048576 bytes',
    ),
  ],
  [
    '415 in Airflow’s words',
    http(415, DETAIL),
    again,
    both('malformed', 'Airflow refused the request with status 415: why'),
  ],
  // Trouble that passes.
  ['429 with Retry-After', http(429, DETAIL, 7_000), later(7_000)],
  ['429 HTML with Retry-After', http(429, HTML, 7_000), later(7_000)],
  ['500 in Airflow’s words', http(500, DETAIL), again],
  ['500 text', http(500, HTML), again],
  ['502 HTML', http(502, HTML), again],
  ['503 with Retry-After', http(503, HTML, 30_000), later(30_000)],
  ['503 without', http(503, HTML), again],
  [
    '503 of the plugin that is busy',
    http(503, { detail: { kind: 'busy', message: '…' } }, 3_000),
    later(3_000),
  ],
  [
    '503 of the plugin that failed',
    http(503, { detail: { kind: 'internal', message: '…' } }),
    again,
  ],
  ...['store_not_configured', 'collections', 'store'].map((kind): Row => [
    `case D10: 503 of the plugin: ${kind}`,
    http(503, { detail: { kind, message: '…' } }, 30_000),
    store(30_000),
  ]),
  ...['store_is_new', 'foreign_store', 'older_store'].map((kind): Row => [
    `fault 79: 503 of the plugin: ${kind}`,
    http(503, { detail: { kind, message: '…' } }, 30_000),
    store(30_000),
  ]),
  ['504 HTML', http(504, HTML), again],
];

for (const [name, reply, everyStep, but = {}] of TABLE) {
  test.each(STEPS)(`${name}, at the step %s`, (step) => {
    expect(withoutWords(classify(step, typeof reply === 'function' ? reply(step) : reply))).toEqual(
      but[step] ?? everyStep,
    );
  });
}

test('captive portal: a 200 with HTML acknowledges nothing', () => {
  // At two steps the answer means either that Airflow has no such route, or that the server is not
  // Airflow: another request tells.
  for (const step of STEPS)
    expect(classify(step, http(200, HTML)), step).toMatchObject(
      step === 'hello' || step === 'identity' ? missing : step === 'version' ? elsewhere : again,
    );
});

test('the shape of one step is no success of another', () => {
  for (const step of STEPS)
    for (const other of STEPS) {
      const fits = step === other || (step === 'wait' && 'state' in RIGHT[other]);
      expect(classify(step, http(200, RIGHT[other])), `${other} at ${step}`).toMatchObject(
        fits ? ok : step === 'version' ? elsewhere : again,
      );
    }
});

test('only the batch’s step refuses a whole batch; a look never voids a batch', () => {
  for (const step of STEPS.filter((each) => each !== 'trigger' && each !== 'exchange'))
    for (const status of [400, 404, 409, 413, 422])
      expect(['retry', 'missing']).toContain(classify(step, http(status, DETAIL)).kind);
});

test.each<[string, HttpReply, string]>([
  [
    'a gateway’s page',
    page(
      502,
      '<html><head><title>502 Bad Gateway</title></head>' +
        '<body><h1>502 Bad Gateway</h1></body></html>',
    ),
    'status 502: 502 Bad Gateway',
  ],
  ['a text', page(500, 'Internal Server Error'), 'status 500: Internal Server Error'],
  ['JSON of a proxy', http(404, { message: 'no Route matched' }), 'status 404: no Route matched'],
  [
    'the plugin',
    http(503, {
      detail: { kind: 'store_not_configured', message: 'No Connection updraft_default.' },
    }),
    'status 503: No Connection updraft_default.',
  ],
  ['a right that is missing', http(403, { detail: 'Forbidden' }), 'status 403: Forbidden'],
  ['nothing', http(504, HTML), 'status 504'],
])('case D10: the words of %s are kept for a person', (_name, reply, message) => {
  expect(classify('exchange', reply)).toMatchObject({ message });
});

describe('case A9: a refusal that may be about the batch', () => {
  const may = (reply: HttpReply): boolean => mayBeAboutTheBatch(classify('exchange', reply), reply);
  test.each<[string, HttpReply]>([
    ['403 HTML', page(403, '<h1>Request blocked</h1>')],
    ['403 JSON without detail', http(403, { message: 'Forbidden' })],
    ['403 in words that Airflow does not use', http(403, { detail: 'Blocked' })],
    ['406 HTML', page(406, '<h1>Not Acceptable</h1>')],
    ['400 HTML', page(400, '<h1>Bad Request</h1>')],
    ['404 HTML', page(404, '<h1>Not Found</h1>')],
    ['404 in Airflow’s form', http(404, DETAIL)],
    ['414', http(414, HTML)],
    ['422 without detail', http(422, { error: 'bad' })],
    ['431', http(431, HTML)],
    ['451', http(451, HTML)],
    ['200 with a page', page(200, '<h1>Blocked by your company</h1>')],
    ['500 in Airflow’s form', http(500, { detail: 'Internal Server Error' })],
    ['502 HTML', http(502, HTML)],
    [
      '503 of the plugin that failed at it',
      http(503, { detail: { kind: 'internal', message: '…' } }),
    ],
    ['a connection that was cut', { kind: 'failed', why: 'network' }],
    ['no answer in time', { kind: 'failed', why: 'timeout' }],
    ['a redirect to a page that says no', { kind: 'failed', why: 'redirect' }],
  ])('%s', (_name, reply) => expect(may(reply)).toBe(true));
  test.each<[string, HttpReply]>([
    ['401: a sign-in is needed', http(401, DETAIL)],
    ['403: a token is no good', http(403, { detail: 'Invalid JWT token' })],
    ['403: a right is missing', http(403, { detail: 'Forbidden' })],
    ['429', http(429, HTML)],
    ['413: it is too large, whoever says so', http(413, HTML)],
    ['422 in Airflow’s words: it is refused at once', http(422, DETAIL)],
    ['503 of the plugin that is busy', http(503, { detail: { kind: 'busy', message: '…' } })],
    ['503 of the plugin without a store', http(503, { detail: { kind: 'store', message: '…' } })],
  ])('not %s', (_name, reply) => expect(may(reply)).toBe(false));
});

test('case A9: a batch that is turned away names status and words, no credentials', () => {
  const { reason, status } = turnedAway(
    page(
      403,
      '<title>403 Forbidden</title><body>403 Forbidden' +
        '<p>Request <b>blocked</b> (Authorization: Bearer eyJhbGciOi.abc.def)</p>',
    ),
  );
  expect(status).toBe(403);
  expect(reason.kind).toBe('refused-on-the-way');
  expect(reason.message).toContain(
    'status 403: 403 Forbidden Request blocked (Authorization: Bearer …',
  );
  expect(reason.message).not.toMatch(/eyJ|<|abc/);
  expect(turnedAway({ kind: 'failed', why: 'timeout' }).reason.message).toContain(
    'no answer came in time',
  );
});

test('law 9: quotes in a refusal are cut short', () => {
  const classified = classify('trigger', http(422, { detail: 'x'.repeat(10_000) }));
  expect(JSON.stringify(classified).length).toBeLessThan(500);
});

test('the body of an answer is read by its step’s shape; any other body throws', () => {
  expect(bodyOf('identity', http(200, RIGHT.identity)).username).toBe('ana');
  expect(bodyOf('wait', http(200, { state: 'failed', results: {} })).state).toBe('failed');
  expect(() => bodyOf('wait', { kind: 'failed', why: 'network' })).toThrow();
});
