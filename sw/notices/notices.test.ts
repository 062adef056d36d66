import { beforeEach, describe, expect, test } from 'vitest';
import type { Status } from '../../shared/status.ts';
import { Notices, type Surface } from './notices.ts';
import { IDLE } from '../../shared/test-status.ts';

let isSeen: boolean;
let shown: string[];
let badges: number[];
let notices: Notices;
const surface: Surface = {
  isSeen: async () => isSeen,
  show: async (kind, { title, body }) => void shown.push(`${kind}: ${title} / ${body}`),
  badge: async (count) => void badges.push(count),
};
const tell = async (...statuses: Partial<Status>[]): Promise<void> => {
  for (const status of statuses) await notices.status({ ...IDLE, ...status });
};
beforeEach(() => {
  [isSeen, shown, badges] = [false, [], []];
  notices = new Notices(surface);
});

test('a queued call counts as unsent, like a change', async () => {
  await tell({ unsent: 1, pendingCalls: 1 }, { unsent: 0, pendingCalls: 1 });
  expect([shown, badges]).toEqual([[], [2, 1]]);
  await tell({});
  expect([shown, badges]).toEqual([
    ['all-sent: All sent / 2 changes arrived in Airflow.'],
    [2, 1, 0],
  ]);
});

describe('with no page in view a person is told', () => {
  test.each<[string, Partial<Status>[], string[]]>([
    [
      'of a conflict, with how many wait',
      [{ unsent: 2 }, { unsent: 2, conflicts: 2 }],
      ['conflict: A decision is needed / 2 changes of yours met another. Open the app to decide.'],
    ],
    [
      'of a refused change',
      [{ unsent: 1 }, { unsent: 1, deadLetters: 1 }],
      ['dead-letter: Airflow refused a change / 1 change cannot go on. Open the app to see why.'],
    ],
    [
      'that signing in is needed',
      [{ unsent: 3 }, { unsent: 3, auth: 'required', waiting: { for: 'sign-in', failures: 0 } }],
      ['sign-in: Sign in to go on / 3 changes wait on this device until you have signed in.'],
    ],
    [
      'that all is sent, with how much it was',
      [{ unsent: 5 }, { unsent: 2 }, { unsent: 0 }],
      ['all-sent: All sent / 5 changes arrived in Airflow.'],
    ],
    [
      'nothing of what is as it was',
      [
        { conflicts: 1, unsent: 1 },
        { conflicts: 1, unsent: 1 },
      ],
      [],
    ],
    [
      'nothing of a state it only finds: it may be weeks old',
      [{ conflicts: 1, deadLetters: 1, unsent: 2, auth: 'required' }],
      [],
    ],
    [
      'nothing of a sign-in that nothing waits for',
      [{}, { auth: 'required', waiting: { for: 'sign-in', failures: 0 } }],
      [],
    ],
    [
      'nothing when a decision has been made',
      [
        { conflicts: 2, unsent: 2 },
        { conflicts: 1, unsent: 2 },
      ],
      [],
    ],
  ])('%s', async (_name, statuses, expected) => {
    await tell(...statuses);
    expect(shown).toEqual(expected);
  });
  test('in the app’s own words', async () => {
    notices = new Notices(surface, {
      'all-sent': (count) => ({ title: `${count} Meldungen sind angekommen` }),
    });
    await tell({ unsent: 4 }, {});
    expect(shown).toEqual(['all-sent: 4 Meldungen sind angekommen / undefined']);
  });
});

test('a page in view needs no notice', async () => {
  isSeen = true;
  await tell({ unsent: 1 }, { unsent: 1, conflicts: 1 }, {});
  expect(shown).toEqual([]);
});

test('the badge counts unsent work of all users, and is set only on a change', async () => {
  await tell(
    { unsent: 2 },
    { unsent: 2, phase: 'sending' },
    { unsent: 1, user: 'bob' },
    { unsent: 0 },
    { unsent: 0, user: 'bob' },
  );
  expect(badges).toEqual([2, 3, 1, 0]);
});
