import { describe, expect, test } from 'vitest';
import type { HttpReply } from '../transport/http.ts';
import { reportOfReply } from './attempt.ts';
import { classifyCall } from './classify-call.ts';

const http = (status: number, json?: unknown, retryAfterMs?: number): HttpReply => ({
  kind: 'http',
  status,
  json,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const said = { detail: 'in its own words' };

/** Every kind of answer, with its meaning for the call and its report to the circuit. */
const CASES: readonly (readonly [
  name: string,
  reply: HttpReply,
  expected: object,
  report: string,
])[] = [
  [
    'no answer',
    { kind: 'failed', why: 'network' },
    { kind: 'unsure', for: 'network' },
    'struggles',
  ],
  [
    'no answer in time',
    { kind: 'failed', why: 'timeout' },
    { kind: 'unsure', for: 'network' },
    'unsent',
  ],
  [
    'an answer',
    http(200, { dag_run_id: 'r' }),
    { kind: 'ok', json: { dag_run_id: 'r' } },
    'answered',
  ],
  ['a captive portal that says 200', http(200), { kind: 'unsure', for: 'airflow' }, 'struggles'],
  ['a proxy’s 403', http(403), { kind: 'unsure', for: 'airflow' }, 'struggles'],
  [
    'a proxy’s 404',
    http(404, { error: 'no route' }),
    { kind: 'unsure', for: 'not-airflow' },
    'struggles',
  ],
  [
    'a redirect to a sign-in page',
    { kind: 'failed', why: 'redirect' },
    { kind: 'unsure', for: 'sign-in-page' },
    'struggles',
  ],
  ['a redirect’s 204', http(204), { kind: 'unsure', for: 'airflow' }, 'struggles'],
  ['401', http(401, said), { kind: 'sign-in' }, 'answered'],
  [
    '403 for the token',
    http(403, { detail: 'Invalid JWT token' }),
    { kind: 'sign-in' },
    'answered',
  ],
  ['403 for the right', http(403, { detail: 'Forbidden' }), { kind: 'forbidden' }, 'answered'],
  [
    'case D3: 403 for this person',
    http(403, { detail: 'User=ana is not a respondent' }),
    { kind: 'refused', status: 403, message: 'User=ana is not a respondent' },
    'answered',
  ],
  ['404', http(404, said), { kind: 'missing', message: said.detail }, 'answered'],
  ['409', http(409, said), { kind: 'taken', message: said.detail }, 'answered'],
  [
    '409 that quotes SQL with conf',
    http(409, { detail: { statement: 'INSERT', conf: 'private' } }),
    { kind: 'taken', message: 'no reason given' },
    'answered',
  ],
  ...[400, 402, 405, 406, 410, 413, 415, 422, 451].map(
    (status) =>
      [
        `${status}`,
        http(status, said),
        { kind: 'refused', status, message: said.detail },
        'answered',
      ] as const,
  ),
  [
    '422 of a validation: place and message, not the input',
    http(422, {
      detail: [{ loc: ['body', 'conf'], msg: 'Input should be an object', input: 'private' }],
    }),
    { kind: 'refused', status: 422, message: 'body.conf: Input should be an object' },
    'answered',
  ],
  ...[408, 425].map(
    (status) =>
      [
        `${status}: not now`,
        http(status, said),
        { kind: 'unsure', for: 'airflow' },
        'struggles',
      ] as const,
  ),
  ['429', http(429, undefined, 3_000), { kind: 'turned-away', retryAfterMs: 3_000 }, 'struggles'],
  ['500', http(500), { kind: 'unsure', for: 'airflow' }, 'answered'],
  ['500 in Airflow’s words', http(500, said), { kind: 'unsure', for: 'airflow' }, 'answered'],
  ...[502, 503, 504].map(
    (status) =>
      [
        `${status}`,
        http(status, undefined, 2_000),
        { kind: 'unsure', for: 'airflow', retryAfterMs: 2_000 },
        'struggles',
      ] as const,
  ),
  ['503 in Airflow’s words', http(503, said), { kind: 'unsure', for: 'airflow' }, 'struggles'],
];

describe.each(CASES)('%s', (_, reply, expected, report) => {
  test('says of the call', () => expect(classifyCall(reply)).toEqual(expected));
  test('says of Airflow', () => expect(reportOfReply(reply, true).kind).toBe(report));
});

test('offline, no answer says nothing of Airflow', () =>
  expect(reportOfReply({ kind: 'failed', why: 'network' }, false).kind).toBe('unsent'));

test('long words are cut', () => {
  const answer = classifyCall(http(400, { detail: 'x'.repeat(10_000) }));
  expect(answer.kind === 'refused' && answer.message.length).toBe(500);
});
