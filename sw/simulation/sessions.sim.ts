import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TransportName } from '../../shared/limits.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import { SharedBrowser, stepsOf, USERS, type Step } from './shared-browser.ts';

const { capture, drain, signIn, session, revoke, right, restart } = stepsOf(
  fc.constant('ana' as const),
);
const both = stepsOf(fc.constantFrom(...USERS));
const story = (...steps: fc.Arbitrary<Step>[]): fc.Arbitrary<[Step[], TransportName, number]> =>
  fc.tuple(
    fc.array(fc.oneof(...steps), { minLength: 12, maxLength: 30, size: 'max' }),
    fc.constantFrom('plugin', 'dag'),
    fc.nat(),
  );

test.each([
  [
    'fault 23: credentials refused, renewed, or somebody else’s, in the middle of it',
    story(
      capture,
      capture,
      drain,
      drain,
      drain,
      signIn,
      signIn,
      revoke,
      revoke,
      session,
      right,
      restart,
    ),
  ],
  [
    'fault 38: people who sign out and in, and keep or give up what is unsent',
    story(...Object.values(both), both.signOut, both.drain, both.capture),
  ],
] as const)(
  drawn('%s: no data crosses users, and all that was not given up arrives once'),
  { timeout: DRAWS_TIMEOUT_MS },
  async (_name, stories) => {
    await fc.assert(
      fc.asyncProperty(stories, async ([steps, via, seed]) => {
        const browser = new SharedBrowser(via, seed);
        for (const of of USERS) {
          await browser.signIn(of, of, 'memory');
          await browser.devices[of].drain();
        }
        for (const step of steps) {
          await browser.do(step);
          await browser.expectPrivacy();
        }
        await browser.expectAllArrives();
        await browser.expectPrivacy();
      }),
      draws(10),
    );
  },
);

test.each([
  ['plugin', 'token-401'],
  ['plugin', 'token-403'],
  ['dag', 'token-401'],
  ['dag', 'token-403'],
] as const)(
  'fault 23: a token revoked between two batches parks the queue as it is (%s, %s)',
  async (via, refusal) => {
    const browser = new SharedBrowser(via, 1);
    const ana = { user: 'ana', loss: undefined } as const;
    await browser.signIn('ana', 'ana', 'memory');
    await browser.do({ do: 'drain', ...ana });
    await browser.do({ do: 'capture', ...ana });
    await browser.do({ do: 'revoke', ...ana, refusal });
    for (let round = 0; round < 3; round++) await browser.do({ do: 'drain', ...ana });
    expect(await browser.devices.ana.ask({ type: 'status' })).toMatchObject({
      unsent: 1,
      deadLetters: 0,
      waiting: { for: 'sign-in' },
    });
    await browser.expectAllArrives();
  },
);
