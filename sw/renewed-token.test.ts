import { beforeEach, describe, expect, test } from 'vitest';
import type { LoggedEvent } from '../shared/messages.ts';
import { handleCommand } from './commands/handle-command.ts';
import { TestReplica } from './testing/test-replica.ts';
import { TestServer } from './testing/test-server.ts';

let replica: TestReplica;
/** The tokens of a page with `getToken`, the newest last. */
let given: string[];
let good: string;

const KINDS = ['memory', 'sealed'] as const;

beforeEach(() => {
  replica = new TestReplica();
  replica.isOnline = true;
  [given, good] = [[], 'new'];
  const server = new TestServer();
  replica.transport = {
    carriesPrivate: true,
    exchange: async ({ request }) =>
      given.at(-1) === good
        ? { kind: 'settle', response: server.answer(request), via: 'plugin' }
        : { kind: 'sign-in', reason: 'refused' },
  };
});

const signIn = async (
  kind: (typeof KINDS)[number],
  token: string,
  renewal?: true,
): Promise<void> => {
  given.push(token);
  await replica.ask({ type: 'sign-in', credentials: { kind, token }, ...(renewal && { renewal }) });
};
const asked = (): LoggedEvent[] => replica.events.filter(({ type }) => type === 'auth-required');

describe.each(KINDS)('case D4: a token that Airflow refuses (%s)', (kind) => {
  test('is requested from the page once more, and the waiting work goes', async () => {
    await signIn(kind, 'old');
    await replica.put('a');
    await replica.sync();
    expect(asked()).toMatchObject([{ reason: 'refused', renew: true }]);
    await signIn(kind, 'new', true);
    await replica.sync();
    expect(await replica.status()).toMatchObject({ unsent: 0, auth: 'ok' });
  });

  test('refused again, parks the queue until a person signs in', async () => {
    await signIn(kind, 'old');
    await replica.put('a');
    await replica.sync();
    await signIn(kind, 'old', true);
    // Another tab of the person gives a token later.
    await signIn(kind, 'old', true);
    await replica.sync();
    const [, last] = asked();
    expect(asked()).toHaveLength(2);
    expect(last).toMatchObject({ reason: 'refused' });
    expect(last).not.toHaveProperty('renew');
    expect(await replica.status()).toMatchObject({
      unsent: 1,
      auth: 'required',
      waiting: { for: 'sign-in' },
    });
    await signIn(kind, 'new');
    await replica.sync();
    expect(await replica.status()).toMatchObject({ unsent: 0, auth: 'ok' });
  });

  test('is requested anew each time a good token ends', async () => {
    await signIn(kind, 'new');
    for (const next of ['second', 'third']) {
      await replica.sync();
      good = next;
      await replica.sync();
      await signIn(kind, next, true);
      await replica.sync();
      expect(await replica.status()).toMatchObject({ auth: 'ok' });
    }
    expect(asked()).toMatchObject([{ renew: true }, { renew: true }]);
  });
});

test('case D4: a renewal that comes after a person’s sign-in changes nothing', async () => {
  await signIn('memory', 'old');
  await replica.put('a');
  await replica.sync();
  await signIn('memory', 'new');
  await replica.ask({
    type: 'sign-in',
    credentials: { kind: 'sealed', token: 'older' },
    renewal: true,
  });
  const { desk } = await replica.open();
  expect((await desk.replica()).auth).toEqual({ kind: 'memory', required: null, signIns: 2 });
  await replica.sync();
  expect(await replica.status()).toMatchObject({ unsent: 0, auth: 'ok' });
});

test('case D4: a token is tried at the sign-in, with nothing to send', async () => {
  await signIn('memory', 'new');
  await replica.sync();
  const give = async (token: string): Promise<void> => {
    given.push(token);
    const command = { type: 'sign-in', credentials: { kind: 'memory', token } } as const;
    const { afterwards } = await handleCommand(await replica.open(), command);
    await afterwards?.();
  };
  await give('old');
  expect(await replica.status()).toMatchObject({ unsent: 0, auth: 'required' });
  await give('new');
  expect(await replica.status()).toMatchObject({ auth: 'ok' });
});

test('case D4: only a person renews a session', async () => {
  await replica.ask({ type: 'sign-in', credentials: { kind: 'cookie' } });
  await replica.put('a');
  await replica.sync();
  expect(asked()).toHaveLength(1);
  expect(asked()[0]).not.toHaveProperty('renew');
});
