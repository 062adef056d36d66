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

/** Every kind of answer: what it says of the call, and what of Airflow as a whole. */
const CASES: readonly (readonly [what: string, reply: HttpReply, is: object, told: string])[] = [
  ['no answer', { kind: 'failed', why: 'network' }, { is: 'unsure', for: 'network' }, 'struggles'],
  ['no answer in time', { kind: 'failed', why: 'timeout' }, { is: 'unsure', for: 'network' }, 'unsent'],
  ['an answer', http(200, { dag_run_id: 'r' }), { is: 'ok', json: { dag_run_id: 'r' } }, 'answered'],
  ['a captive portal that says 200', http(200), { is: 'unsure', for: 'airflow' }, 'struggles'],
  ['a proxy’s 403', http(403), { is: 'unsure', for: 'airflow' }, 'struggles'],
  ['a proxy’s 404', http(404, { error: 'no route' }), { is: 'unsure', for: 'airflow' }, 'struggles'],
  ['a redirect’s 204', http(204), { is: 'unsure', for: 'airflow' }, 'struggles'],
  ['401', http(401, said), { is: 'sign-in' }, 'answered'],
  ['403 for the token', http(403, { detail: 'Invalid JWT token' }), { is: 'sign-in' }, 'answered'],
  ['403 for the right', http(403, { detail: 'Forbidden' }), { is: 'forbidden' }, 'answered'],
  ['404', http(404, said), { is: 'missing', message: said.detail }, 'answered'],
  ['409', http(409, said), { is: 'taken', message: said.detail }, 'answered'],
  ['409 that quotes SQL with conf', http(409, { detail: { statement: 'INSERT', conf: 'private' } }), { is: 'taken', message: 'no reason given' }, 'answered'],
  ...[400, 405, 413, 415, 422].map((status) => [`${status}`, http(status, said), { is: 'refused', status, message: said.detail }, 'answered'] as const),
  [
    '422 of a validation: place and message, not the input',
    http(422, { detail: [{ loc: ['body', 'conf'], msg: 'Input should be an object', input: 'private' }] }),
    { is: 'refused', status: 422, message: 'body.conf: Input should be an object' },
    'answered',
  ],
  ['429', http(429, undefined, 3_000), { is: 'turned-away', retryAfterMs: 3_000 }, 'struggles'],
  ['500', http(500), { is: 'unsure', for: 'airflow' }, 'answered'],
  ['500 in Airflow’s words', http(500, said), { is: 'unsure', for: 'airflow' }, 'answered'],
  ...[502, 503, 504].map(
    (status) => [`${status}`, http(status, undefined, 2_000), { is: 'unsure', for: 'airflow', retryAfterMs: 2_000 }, 'struggles'] as const,
  ),
  ['503 in Airflow’s words', http(503, said), { is: 'unsure', for: 'airflow' }, 'struggles'],
];

describe.each(CASES)('%s', (_, reply, is, told) => {
  test('says of the call', () => expect(classifyCall(reply)).toEqual(is));
  test('says of Airflow', () => expect(reportOfReply(reply, true).told).toBe(told));
});

test('offline, no answer says nothing of Airflow', () => expect(reportOfReply({ kind: 'failed', why: 'network' }, false).told).toBe('unsent'));

test('long words are cut', () => {
  const is = classifyCall(http(400, { detail: 'x'.repeat(10_000) }));
  expect(is.is === 'refused' && is.message.length).toBe(500);
});
