import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Replica } from '../state/replica.ts';
import type { WakeReason } from '../../shared/history.ts';
import { backoffMs, mayTry, nextBackoff, wantsToPull } from './backoff.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const YEAR_MS = 365 * 24 * 3_600_000;
const CAP_MS = 300_000;
const SIGNED_IN: Replica['auth'] = { kind: 'memory', required: null, signIns: 1 };
const replica = (part: Partial<Replica> = {}): Replica => ({
  user: 'ana',
  replicaId: 'r',
  logId: 'l',
  epoch: 'e',
  last: null,
  since: 0,
  floor: 0,
  generation: 1,
  rereading: false,
  ready: true,
  seq: 0,
  mutationsMax: 500,
  holding: 'asks',
  backoff: null,
  auth: SIGNED_IN,
  ...part,
});
const ALL: readonly WakeReason[] = [
  'capture',
  'timer',
  'heartbeat',
  'sync-event',
  'periodic-sync',
  'connect',
  'online',
  'visible',
  'sign-in',
  'person',
  'airflow-back',
];
const PATIENT: readonly WakeReason[] = ['capture', 'timer', 'heartbeat'];
const PRESSING: readonly WakeReason[] = ALL.filter((reason) => !PATIENT.includes(reason));

test('fault 25, 41: the wait has full jitter in an interval that doubles to five minutes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000 }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (failures, fraction) => {
        const ms = backoffMs(failures, fraction);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(Math.min(CAP_MS, 1_000 * 2 ** failures));
      },
    ),
  );
  expect([1, 2, 3, 8, 9, 1_000].map((failures) => backoffMs(failures, 0.5))).toEqual([
    1_000, 2_000, 4_000, 128_000, 150_000, 150_000,
  ]);
  expect(backoffMs(9, 0)).toBe(0);
});

test('fault 25, 41: Retry-After is honoured: never earlier, at most a fifth later', () => {
  expect(backoffMs(1, 0, 60_000)).toBe(60_000);
  expect(backoffMs(1, 0.5, 60_000)).toBe(66_000);
  expect(backoffMs(5, 0.999, 2_000)).toBeLessThanOrEqual(2_400);
});
test('fault 25: a server that names times again and again gets the usual backoff', () => {
  expect([6, 8, 13, 1_000].map((failures) => backoffMs(failures, 0.5, 1_000))).toEqual([
    1_100, 4_000, 128_000, 150_000,
  ]);
});

test('fault 33: a Retry-After of weeks, or read under a wrong clock, is cut to an hour', () => {
  expect(backoffMs(1, 0.5, YEAR_MS)).toBeLessThanOrEqual(3_600_000);
});

test('failures in a row are counted, whatever their kinds', () => {
  const first = nextBackoff(null, { for: 'network' }, NOW, 0.5);
  expect(first).toEqual({ for: 'network', failures: 1, until: NOW + 1_000 });
  expect(
    nextBackoff(first, { for: 'airflow', until: NOW + 30_000 }, NOW, 0),
    'the circuit’s time',
  ).toEqual({
    for: 'airflow',
    failures: 2,
    until: NOW + 30_000,
  });
});

const online = { now: NOW, online: true };
const offline = { now: NOW, online: false };
const WAITING: Replica['backoff'] = { for: 'airflow', failures: 1, until: NOW + 1 };

test.each<[string, Replica, typeof online, readonly WakeReason[]]>([
  ['nothing failed: any reason', replica(), online, ALL],
  [
    'the backoff is not over: only what changes something',
    replica({ backoff: WAITING }),
    online,
    PRESSING,
  ],
  [
    'the backoff is over',
    replica({ backoff: { for: 'airflow', failures: 1, until: NOW } }),
    online,
    ALL,
  ],
  [
    'waiting until something happens',
    replica({ backoff: { for: 'forbidden', failures: 1 } }),
    online,
    ALL,
  ],
  [
    'fault 33: the clock jumped back a year: the wait is over',
    replica({ backoff: { ...WAITING, until: NOW + YEAR_MS } }),
    online,
    ALL,
  ],
  [
    'fault 33: the clock jumped forward a year',
    replica({ backoff: { ...WAITING, until: NOW - YEAR_MS } }),
    online,
    ALL,
  ],
  [
    'offline: nothing is sealed, so that a single batch takes everything',
    replica(),
    offline,
    ['sync-event', 'online', 'person'],
  ],
  ['signed out', replica({ auth: { kind: 'none', required: null, signIns: 0 } }), online, []],
  [
    'fault 23: a token was refused: only a sign-in helps',
    replica({ auth: { ...SIGNED_IN, required: 'refused' } }),
    online,
    [],
  ],
  [
    'fault 38: another user’s session: another page may have renewed the session',
    replica({ auth: { ...SIGNED_IN, kind: 'cookie', required: 'other-user' } }),
    online,
    PRESSING,
  ],
  [
    'a refused cookie, offline',
    replica({ auth: { ...SIGNED_IN, kind: 'cookie', required: 'refused' } }),
    offline,
    ['sync-event', 'online', 'person'],
  ],
])('may be tried: %s', (_name, state, moment, expected) => {
  expect(ALL.filter((reason) => mayTry(state, reason, moment))).toEqual(expected);
});

test.each<[string, number, boolean]>([
  ['not before', 14_999, false],
  ['from then on', 15_000, true],
])(
  'through the plugin a pull is cheap: an open page that hears no news looks every 15 s, %s',
  (_name, ago, expected) => {
    expect(wantsToPull(['heartbeat'], replica({ lastPullAt: NOW - ago, via: 'plugin' }), NOW)).toBe(
      expected,
    );
  },
);

describe('a pull is a DAG run: it is made', () => {
  const fresh = replica({ lastPullAt: NOW });
  const old = replica({ lastPullAt: NOW - CAP_MS });
  test.each<[string, Replica, readonly WakeReason[]]>([
    [
      'at connect, after a sign-in and when a person asks, always',
      fresh,
      ['connect', 'sign-in', 'person'],
    ],
    [
      'at most every five minutes while a page is open',
      old,
      ['heartbeat', 'connect', 'online', 'visible', 'sign-in', 'person'],
    ],
    [
      'at the first look of an open page',
      replica(),
      ['heartbeat', 'connect', 'online', 'visible', 'sign-in', 'person'],
    ],
    [
      'fault 33: after the clock jumped back a year',
      replica({ lastPullAt: NOW + YEAR_MS }),
      ['heartbeat', 'connect', 'online', 'visible', 'sign-in', 'person'],
    ],
    [
      'again when the last exchange failed: it may have been a pull',
      replica({ lastPullAt: NOW, backoff: WAITING }),
      ALL,
    ],
  ])('%s', (_name, state, expected) => {
    expect(ALL.filter((reason) => wantsToPull([reason], state, NOW))).toEqual(expected);
  });
  test('if any of several reasons wants a pull', () => {
    expect(wantsToPull(['capture', 'connect'], fresh, NOW)).toBe(true);
    expect(wantsToPull(['capture', 'timer'], fresh, NOW)).toBe(false);
  });
});
