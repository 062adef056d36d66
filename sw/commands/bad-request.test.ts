import * as v from 'valibot';
import { expect, test } from 'vitest';
import { CommandSchema } from '../../shared/messages.ts';
import { badCommand } from './bad-request.ts';

test.each<[object, string, string]>([
  [
    { type: 'resolve', requestId: 'q', conflictId: 'c', theirsRevision: 1, choices: { a: 'mine' } },
    'bad-option',
    '{ take: "mine" }',
  ],
  [
    { type: 'resolve', requestId: 'q', choices: {} },
    'bad-option',
    'a conflict as conflicts() gives it',
  ],
  [
    {
      type: 'capture',
      requestId: 'q',
      collection: 'asks',
      change: { op: 'increment', id: 'x', by: { n: '1' } },
    },
    'bad-option',
    'an object of finite numbers',
  ],
  [
    {
      type: 'capture',
      requestId: 'q',
      collection: 'asks',
      change: { op: 'patch', id: 5, set: {}, removed: [] },
    },
    'bad-option',
    'patch() takes the record',
  ],
  [
    { type: 'capture', requestId: 'q', collection: undefined, change: { op: 'put', value: {} } },
    'bad-option',
    '"collection"',
  ],
  [{ type: 'retry', requestId: 'q', letter: { kind: 'call' } }, 'bad-option', 'airflow.retry(id)'],
  [{ type: 'sign-out', unsent: 'drop' }, 'bad-option', '"refuse", "keep" or "discard"'],
  [{ type: 'sign-in', credentials: { kind: 'memory', token: '' } }, 'bad-option', 'signIn() takes'],
  [{ type: 'get', collection: 'asks' }, 'bad-option', 'get() takes'],
  [{ type: 'constructor' }, 'bad-message', '"type"'],
  [{ type: 'future' }, 'bad-message', '"type"'],
])('case D9: %j: says how it is called', (command, kind, words) => {
  const { issues } = v.safeParse(CommandSchema, command);
  if (!issues) throw new Error('the command is valid');
  expect(badCommand(command, issues[0])).toMatchObject({
    kind,
    message: expect.stringContaining(words),
  });
});
