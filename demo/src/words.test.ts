import { describe, expect, it } from 'vitest';
import type { WaitingFor } from '../../client/index.ts';
import * as words from './words.ts';
import { phaseText, viaNow, waitingNow, waitingText } from './waiting-text.ts';
import { IDLE } from '../../shared/test-status.ts';

const NOW = Date.UTC(2026, 2, 12, 9, 30);
const kinds = Object.keys(words.WAITING_WORDS) as WaitingFor[];

describe('words', () => {
  it('exist for every kind, and differ from the kind', () => {
    const tables = [
      words.STATE_WORDS,
      words.STATUS_WORDS,
      words.ERROR_WORDS,
      words.WAITING_WORDS,
      words.AUTH_WORDS,
      words.CONFLICT_WORDS,
      words.VIA_WORDS,
    ];
    for (const [kind, said] of tables.flatMap((table) => Object.entries(table))) {
      for (const text of typeof said === 'string'
        ? [said]
        : Object.values(said as Readonly<Record<string, string>>)) {
        expect(text.length, kind).toBeGreaterThan(1);
        expect(text).not.toMatch(/undefined|_required|-missing/);
      }
    }
  });

  it('tell different sign-in reasons apart', () => {
    const titles = Object.values(words.AUTH_WORDS).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });
});

describe('waitingText', () => {
  it.each(kinds)('%s: names the reason, with and without a time', (kind) => {
    const { text } = words.WAITING_WORDS[kind];
    expect(waitingText({ for: kind }, NOW)).toContain(text);
    expect(waitingText({ for: kind, until: NOW + 12_000 }, NOW)).toContain(text);
  });

  it('counts down to the next try', () => {
    const waiting = { for: 'airflow', until: NOW + 12_000 } as const;
    expect(waitingText(waiting, NOW)).toBe('Airflow cannot be reached, next try in 12 s');
    expect(waitingText(waiting, NOW + 11_500)).toBe('Airflow cannot be reached, next try in 1 s');
    expect(waitingText(waiting, NOW + 12_000)).toBe('Airflow cannot be reached, trying now');
    expect(waitingText({ ...waiting, until: NOW + 300_000 }, NOW)).toBe(
      'Airflow cannot be reached, next try in 5 min',
    );
  });

  it('promises no time for a network: sending starts when the network is back', () => {
    expect(waitingText({ for: 'network', until: NOW + 40_000 }, NOW)).toBe(
      'No network: sent as soon as there is one',
    );
  });
});

it('ends the wait as soon as the network is back', () => {
  const waiting = { for: 'network', failures: 1, until: NOW } as const;
  const status = {
    user: 'ana',
    replicaId: 'r',
    unsent: 3,
    pendingCalls: 0,
    followedCalls: 0,
    conflicts: 0,
    deadLetters: 0,
    auth: 'ok',
    ready: true,
    durability: 'best-effort',
    waiting,
  } as const;
  expect(waitingNow({ ...status, online: true, phase: 'sending' })).toBeUndefined();
  expect(waitingNow({ ...status, online: false, phase: 'sending' })).toEqual(waiting);
  expect(waitingNow({ ...status, online: true, phase: 'waiting' })).toEqual(waiting);
});

it('phaseText is silent while nothing moves', () => {
  const status = {
    user: 'ana',
    replicaId: 'r',
    online: true,
    unsent: 3,
    pendingCalls: 0,
    followedCalls: 0,
    conflicts: 0,
    deadLetters: 0,
    auth: 'ok',
    ready: true,
    durability: 'best-effort',
  } as const;
  expect(phaseText({ ...status, phase: 'sending' })).toBe('Sending 3 changes …');
  expect(phaseText({ ...status, phase: 'sending', unsent: 1 })).toBe('Sending 1 change …');
  expect(phaseText({ ...status, phase: 'idle' })).toBeUndefined();
});

describe('viaNow', () => {
  it.each(['plugin', 'dag'] as const)('is the way of the last exchange: %s', (via) =>
    expect(viaNow({ ...IDLE, via })).toBe(via),
  );
  it('stays while only a run or a person is waited for', () => {
    expect(viaNow({ ...IDLE, via: 'dag', waiting: { for: 'run', failures: 0 } })).toBe('dag');
    expect(viaNow({ ...IDLE, via: 'plugin', waiting: { for: 'person', failures: 0 } })).toBe(
      'plugin',
    );
  });
  it('promises nothing where nothing gets through', () => {
    for (const waiting of [
      'network',
      'airflow',
      'sign-in',
      'other-user',
      'forbidden',
      'update',
    ] as const)
      expect(
        viaNow({ ...IDLE, via: 'plugin', waiting: { for: waiting, failures: 1 } }),
        waiting,
      ).toBeUndefined();
    expect(viaNow({ ...IDLE, via: 'plugin', online: false })).toBeUndefined();
    expect(viaNow({ ...IDLE, via: 'plugin', auth: 'required' })).toBeUndefined();
    expect(viaNow(IDLE)).toBeUndefined();
  });
});
