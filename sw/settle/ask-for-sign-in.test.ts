import { expect, test } from 'vitest';
import type { AuthReason } from '../../shared/messages.ts';
import { TestReplica } from '../testing/test-replica.ts';
import { askForSignIn } from './ask-for-sign-in.ts';

async function asking(): Promise<{
  ask: (reason: AuthReason) => Promise<unknown>;
  required: () => Promise<AuthReason | null>;
}> {
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

test('the first reason for a sign-in stays: a missing token afterwards is no news', async () => {
  const { ask, required } = await asking();
  expect(await ask('other-user')).toEqual([{ type: 'auth-required', reason: 'other-user' }]);
  expect(await ask('missing')).toEqual([]);
  expect(await required()).toBe('other-user');
});

test('a missing token is reported, and a more precise reason replaces the report', async () => {
  const { ask, required } = await asking();
  expect(await ask('missing')).toEqual([{ type: 'auth-required', reason: 'missing' }]);
  expect(await ask('refused')).toEqual([{ type: 'auth-required', reason: 'refused', renew: true }]);
  expect(await required()).toBe('refused');
});
