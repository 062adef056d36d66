import { expect, test } from 'vitest';
import type { Question } from '../shared/messages.ts';
import { createAirflowCalls } from './airflow.ts';
import { connect } from './connect.ts';
import { createCollection, type Collection } from './collection.ts';
import { createHandlers } from './handlers.ts';
import { onlyOptions } from './only-options.ts';
import { createSettling } from './settling.ts';
import { createSigningIn } from './signing-in.ts';
import { Watches } from './watches.ts';
import type { WorkerLink } from './worker-link.ts';

const asked: Question[] = [];
const link = { ask: async (command: Question) => void asked.push(command) } as WorkerLink;
interface Ask {
  id: string;
  n?: number;
}
/** As a page without types calls it. */
type Loose = { readonly [Name in keyof Collection<Ask>]: (...given: unknown[]) => unknown };
const asks = createCollection<Ask>(
  'asks',
  link,
  createSettling(),
  new Watches(createHandlers().on),
) as unknown as Loose;
const form = { id: 'x', n: 1 };

test.each<[string, () => unknown]>([
  ['put with a form for { from }', () => asks.put(form, form)],
  ['put with a row for { from }', () => asks.put(form, { ...form, value: form, revision: 1 })],
  ['put with the value under another name', () => asks.put(form, { value: form })],
  ['patch with a slip', () => asks.patch('x', { n: 2 }, { form })],
  ['increment with a revision for { from }', () => asks.increment('x', { n: 1 }, 7)],
  ['delete with a text', () => asks.delete('x', 'now')],
  ['putMany with { from }', () => asks.putMany([form], { from: form })],
  ['patchMany with { from } beside the patches', () => asks.patchMany([], { from: form })],
  ['deleteMany with a second id', () => asks.deleteMany(['x'], 'y')],
  ['add, which has seen nothing', () => asks.add(form, { from: form })],
  ['signIn with two ways', () => createSigningIn(link).signIn({ cookie: true, getToken } as never)],
  ...[5, {}, true].map((since): [string, () => unknown] => [
    `connect since ${typeof since}`,
    () => connect({ worker: '/sw.js', user: 'ana', since: since as never }),
  ]),
  [
    'signIn that keeps a cookie',
    () => createSigningIn(link).signIn({ cookie: true, keep: true } as never),
  ],
])('cases A6, D9: %s is refused, and nothing is sent', async (_what, call) => {
  asked.length = 0;
  await expect(call()).rejects.toMatchObject({
    kind: 'bad-option',
    message: expect.stringMatching(/^\w+\(\) .*Nothing was done\.$/),
  });
  expect(asked).toEqual([]);
});
const getToken = (): string => 'token';

test('{ from } and no options are taken', () => {
  onlyOptions('put', undefined, 'from');
  onlyOptions('put', {}, 'from');
  onlyOptions('put', { from: 1 }, 'from');
  expect(() => onlyOptions('whenSettled', { timeout: 5 })).toThrow('knows no option "timeout"');
  expect(() => onlyOptions('signOut', 'keep', 'unsent')).toThrow('no option "keep", only {unsent}');
  expect(() => onlyOptions('signOut', null, 'unsent')).toThrow('"null"');
});

test('case D9: what a call of Airflow is given reaches the worker, which judges it', async () => {
  asked.length = 0;
  const airflow = createAirflowCalls(link.ask, () => 'q') as unknown as Record<
    string,
    (...given: unknown[]) => Promise<unknown>
  >;
  await airflow['triggerDagRun']?.('report', { config: 1 }).catch(() => undefined);
  await airflow['respond']?.({ taskId: 't' }, { chosen: 'Yes', note: 'n' }).catch(() => undefined);
  await airflow['clearTaskInstances']?.('report', 'run', 'load').catch(() => undefined);
  expect(asked.map((command) => 'request' in command && command.request)).toEqual([
    { operation: 'triggerDagRun', dagId: 'report', config: 1 },
    { operation: 'respondToHumanInput', input: { taskId: 't' }, chosen: 'Yes', note: 'n' },
    { operation: 'clearTaskInstances', dagId: 'report', runId: 'run', taskIds: 'load' },
  ]);
});

test('case A15: queries that JSON writes alike do not share their rows', async () => {
  asked.length = 0;
  for (const query of [
    { index: 'n' },
    { index: 'n', equals: undefined },
    { index: 'n', from: NaN },
  ])
    asks.watch(query, () => undefined);
  expect(asked).toHaveLength(3);
});
