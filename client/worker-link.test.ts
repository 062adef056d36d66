import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { UpdraftError } from '../shared/errors.ts';
import type { Command, Reply } from '../shared/messages.ts';
import { MESSAGES_VERSION } from '../shared/protocol-version.ts';
import { createWorkerLink } from './worker-link.ts';

interface Message {
  readonly updraft: number;
  readonly user: string;
  readonly command: Command;
}
let heard: Message[];
/** How the worker answers each message: with a reply, or (`undefined`) not at all, as one that is stopped in the middle. */
let answers: ((message: Message) => Reply | undefined)[];
const worker = {
  postMessage(message: Message, [port]: [MessagePort]) {
    heard.push(message);
    const reply = (answers.length > 1 ? answers.shift() : answers[0])?.(message);
    if (reply) port.postMessage(reply);
  },
} as unknown as ServiceWorker;
const silent = (): undefined => undefined;
const ok = (result: unknown) => (): Reply => ({ updraft: 1, ok: result });
const link = createWorkerLink(() => worker, 'ana');
const CAPTURE: Command = { type: 'capture', requestId: 'q1', collection: 'asks', change: { op: 'delete', id: 'x' } };
const kindOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => 'answered',
    (error: UpdraftError) => error.kind,
  );

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  heard = [];
  answers = [];
});
afterEach(() => {
  vi.useRealTimers();
});

test('a command travels with this page’s version and user, and its result comes back', async () => {
  answers = [ok({ id: 'x', seq: 7, settled: false })];
  expect(await link.ask(CAPTURE)).toEqual({ id: 'x', seq: 7, settled: false });
  expect(heard).toEqual([{ updraft: MESSAGES_VERSION, user: 'ana', command: CAPTURE }]);
  expect(vi.getTimerCount(), 'nothing is left running').toBe(0);
});

test('a worker stopped in the middle of it: the same command, under the same request id, is sent again', async () => {
  answers = [silent, silent, ok({ id: 'x', seq: 7, settled: false })];
  const asking = link.ask(CAPTURE);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await asking).toMatchObject({ seq: 7 });
  expect(heard).toEqual(Array.from({ length: 3 }, () => ({ updraft: MESSAGES_VERSION, user: 'ana', command: CAPTURE })));
});

test('a worker that never answers: `timeout` at the end, not a promise that hangs', async () => {
  answers = [silent];
  const asking = kindOf(link.ask(CAPTURE));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await asking).toBe('timeout');
  expect(heard).toHaveLength(4);
});

test('an answer that comes after its time is no answer to the next attempt', async () => {
  const late: (() => void)[] = [];
  const slow = {
    postMessage: (_: Message, [port]: [MessagePort]) => void late.push(() => port.postMessage({ updraft: 1, ok: `late ${late.length}` })),
  } as unknown as ServiceWorker;
  const asking = createWorkerLink(() => slow, 'ana').ask(CAPTURE);
  await vi.advanceTimersByTimeAsync(5_000);
  for (const answer of late) answer();
  expect(await asking).toBe('late 2');
});

describe('no worker', () => {
  test('is told at once', async () => {
    expect(await kindOf(createWorkerLink(() => null, 'ana').ask({ type: 'status' }))).toBe('no-service-worker');
  });
  test('any more, between two attempts, is told then', async () => {
    answers = [silent];
    let active: ServiceWorker | null = worker;
    const asking = kindOf(createWorkerLink(() => active, 'ana').ask({ type: 'status' }));
    active = null;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await asking).toBe('no-service-worker');
  });
});

test('a typed error is passed on, and not asked again', async () => {
  answers = [() => ({ updraft: 1, error: { kind: 'exists', message: 'There is already a record "x".' } })];
  await expect(link.ask(CAPTURE)).rejects.toMatchObject({ name: 'UpdraftError', kind: 'exists', message: 'There is already a record "x".' });
  expect(heard).toHaveLength(1);
});

test('what cannot be copied to the worker rejects and is not tried again', async () => {
  const picky = {
    postMessage: () => {
      heard.push({} as Message);
      throw new DOMException('() => 1 could not be cloned.', 'DataCloneError');
    },
  } as unknown as ServiceWorker;
  await expect(createWorkerLink(() => picky, 'ana').ask(CAPTURE)).rejects.toThrow('could not be cloned');
  expect(heard).toHaveLength(1);
});
