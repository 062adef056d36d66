import { describe, expect, test } from 'vitest';
import type { CallState } from '../../client/index.ts';
import { ageText, callWords } from './call-words.ts';

const STATES: readonly (readonly [CallState, string, string])[] = [
  [{ kind: 'queued' }, 'On this device', 'On this device'],
  [{ kind: 'sending', failures: 0 }, 'Sending', 'Sending'],
  [
    { kind: 'waiting', for: 'airflow', retryAt: 0, failures: 1 },
    'Airflow does not answer; tried again',
    'On this device',
  ],
  [{ kind: 'parked', for: 'sign-in' }, 'Waits for a sign-in', 'Waits for a sign-in'],
  [
    { kind: 'held', for: 'dag-missing', retryAt: 0, failures: 1 },
    'Airflow has no such DAG',
    'Airflow has no such DAG',
  ],
  [
    { kind: 'following', runId: 'r', run: 'queued', paused: true, lookAt: 0, looks: 0 },
    'Waits: its DAG is paused',
    'Waits: its DAG is paused',
  ],
  [
    { kind: 'settled', outcome: { kind: 'run', runId: 'r', state: 'success' }, at: 0 },
    'Done',
    'Done',
  ],
  [
    { kind: 'settled', outcome: { kind: 'run', runId: 'r', state: 'failed' }, at: 0 },
    'The run failed',
    'The run failed',
  ],
  [
    { kind: 'dead', reason: { kind: 'conflict', conflict: 'replaced', message: '' }, at: 0 },
    'Overtaken',
    'Overtaken',
  ],
  [{ kind: 'dead', reason: { kind: 'outcome-unknown', message: '' }, at: 0 }, 'Stopped', 'Stopped'],
];

describe.each(STATES)('%j', (state, online, offline) => {
  test('in a word', () =>
    expect([callWords(state, false).text, callWords(state, true).text]).toEqual([online, offline]));
});

test('an age is said as people say it', () => {
  const ages = [-5_000, 59_000, 60_000, 59 * 60_000, 3 * 3_600_000, 50 * 3_600_000].map((ms) =>
    ageText(0, ms),
  );
  expect(ages).toEqual([
    'just now',
    'just now',
    '1 min ago',
    '59 min ago',
    '3 h ago',
    '2 days ago',
  ]);
});
