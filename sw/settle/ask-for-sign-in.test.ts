import { expect, test } from 'vitest';
import type { AuthReason } from '../../shared/messages.ts';
import { TestReplica } from '../test-replica.ts';
import { askForSignIn } from './after-effect.ts';

async function asking(): Promise<{ ask: (reason: AuthReason) => Promise<unknown>; required: () => Promise<AuthReason | null> }> {
  const { desk } = await new TestReplica().open();
  return {
    ask: (reason) =>
      desk.write(async (tx) => {
        const replica = await tx.replica();
        const events = await askForSignIn(tx, replica, reason, replica.auth.signIns);
        return { result: events, events };
      }),
    required: async () => (await desk.replica()).auth.required,
  };
}

test('why a sign-in is needed stays known: a lane that then finds the token forgotten has no news', async () => {
  const { ask, required } = await asking();
  expect(await ask('other-user')).toEqual([{ type: 'auth-required', reason: 'other-user' }]);
  expect(await ask('missing')).toEqual([]);
  expect(await required()).toBe('other-user');
});

test('a token that is missing is told, and a reason that says more replaces it', async () => {
  const { ask, required } = await asking();
  expect(await ask('missing')).toEqual([{ type: 'auth-required', reason: 'missing' }]);
  expect(await ask('refused')).toEqual([{ type: 'auth-required', reason: 'refused' }]);
  expect(await required()).toBe('refused');
});
