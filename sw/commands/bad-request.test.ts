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

const capture = (change: object): object => ({
  type: 'capture',
  requestId: 'q',
  collection: 'asks',
  change,
});
const call = (request: object): object => ({ type: 'call', requestId: 'q', request });
const resolve = (choice: object): object => ({
  type: 'resolve',
  requestId: 'q',
  conflictId: 'c',
  theirsRevision: 1,
  choices: { a: choice },
});

test.each<[object, string]>([
  [capture({ op: 'put', value: { id: 'x' }, form: { id: 'x' } }), '{ from }'],
  [capture({ op: 'add', value: { id: 'x' }, from: { id: 'x' } }), 'add() takes the record.'],
  [capture({ op: 'delete', id: 'x', unseen: 1 }), '{ from }'],
  [
    {
      type: 'capture-many',
      requestId: 'q',
      collection: 'asks',
      changes: [{ op: 'patch', id: 'x', set: {}, removed: [], form: {} }],
    },
    '{ id, set, from }',
  ],
  [resolve({ take: 'mine', value: 7 }), '{ take: "mine" }'],
  [{ type: 'history', filter: { kind: 'attempt' } }, '{ kinds, since, limit }'],
  [call({ operation: 'triggerDagRun', dagId: 'report', config: { n: 1 } }), '"conf"'],
  [
    call({ operation: 'clearTaskInstances', dagId: 'report', runId: 'r', taskIds: 'load' }),
    'lists of texts',
  ],
])('case D9: %j: an unknown option is refused, not ignored', (command, words) => {
  const { issues } = v.safeParse(CommandSchema, command);
  if (!issues) throw new Error('the command is valid');
  expect(badCommand(command, issues[0])).toMatchObject({
    kind: 'bad-option',
    message: expect.stringContaining(words),
  });
});
