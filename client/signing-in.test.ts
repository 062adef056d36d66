import { expect, test } from 'vitest';
import type { Question } from '../shared/messages.ts';
import { createSigningIn, type SignIn } from './signing-in.ts';
import type { WorkerLink } from './worker-link.ts';

test.each([
  undefined,
  null,
  {},
  'cookie',
  { cookie: false },
  { getToken: undefined },
  { getToken: 'token' },
  { cookie: true, getToken: 'token' },
  { token: 'x' },
])('case D9: signIn(%j) is refused, and signs nobody in by the cookie', async (how) => {
  const commands: Question[] = [];
  const ask = async (command: Question): Promise<null> => (commands.push(command), null);
  const outcome = createSigningIn({ ask } as WorkerLink).signIn(how as SignIn);
  await expect(outcome).rejects.toMatchObject({
    kind: 'bad-option',
    message: expect.stringContaining('{ cookie: true } or { getToken }'),
  });
  expect(commands).toEqual([]);
});
