import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { UpdraftError } from '../shared/errors.ts';
import type { Command, Reply } from '../shared/messages.ts';
import { MESSAGES_FLOOR, MESSAGES_VERSION } from '../shared/protocol-version.ts';
import { createWorkerLink } from './worker-link.ts';

interface Message {
  readonly updraft: number;
  readonly user: string;
  readonly command: Command;
}
let heard: Message[];
/**
 * The worker's reply to each message, in order; `undefined`: no reply, as from a worker stopped
 * midway.
 */
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
const CAPTURE: Command = {
  type: 'capture',
  requestId: 'q1',
  collection: 'asks',
  change: { op: 'delete', id: 'x' },
};
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

test('a command to a stopped worker is sent again under its request id', async () => {
  answers = [silent, silent, ok({ id: 'x', seq: 7, settled: false })];
  const asking = link.ask(CAPTURE);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await asking).toMatchObject({ seq: 7 });
  expect(heard).toEqual(
    Array.from({ length: 3 }, () => ({ updraft: MESSAGES_VERSION, user: 'ana', command: CAPTURE })),
  );
});

test('a worker that never answers: `timeout` at the end, not a promise that hangs', async () => {
  answers = [silent];
  const asking = kindOf(link.ask(CAPTURE));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await asking).toBe('timeout');
  expect(heard).toHaveLength(4);
});

test('case D9: a worker without Updraft: rejects after two silent first questions', async () => {
  answers = [silent];
  const asking = kindOf(link.ask({ type: 'channel' }));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await asking).toBe('no-service-worker');
  expect(heard).toHaveLength(2);
});

test('a late answer is no answer to the next attempt', async () => {
  const late: (() => void)[] = [];
  const slow = {
    postMessage: (_: Message, [port]: [MessagePort]) =>
      void late.push(() => port.postMessage({ updraft: 1, ok: `late ${late.length}` })),
  } as unknown as ServiceWorker;
  const asking = createWorkerLink(() => slow, 'ana').ask(CAPTURE);
  await vi.advanceTimersByTimeAsync(5_000);
  for (const answer of late) answer();
  expect(await asking).toBe('late 2');
});

describe('no worker', () => {
  test('rejects at once', async () => {
    expect(await kindOf(createWorkerLink(() => null, 'ana').ask({ type: 'status' }))).toBe(
      'no-service-worker',
    );
  });
  test('any more, between two attempts, rejects then', async () => {
    answers = [silent];
    let active: ServiceWorker | null = worker;
    const asking = kindOf(createWorkerLink(() => active, 'ana').ask({ type: 'status' }));
    active = null;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await asking).toBe('no-service-worker');
  });
});

test('a typed error is passed on, and not asked again', async () => {
  answers = [
    () => ({ updraft: 1, error: { kind: 'exists', message: 'There is already a record "x".' } }),
  ];
  await expect(link.ask(CAPTURE)).rejects.toMatchObject({
    name: 'UpdraftError',
    kind: 'exists',
    message: 'There is already a record "x".',
  });
  expect(heard).toHaveLength(1);
});

test('what cannot be copied to the worker rejects and is not tried again', async () => {
  const picky = {
    postMessage: () => {
      heard.push({} as Message);
      throw new DOMException('() => 1 could not be cloned.', 'DataCloneError');
    },
  } as unknown as ServiceWorker;
  await expect(createWorkerLink(() => picky, 'ana').ask(CAPTURE)).rejects.toThrow(
    'could not be cloned',
  );
  expect(heard).toHaveLength(1);
});

describe('case A13: a value that a message would change', () => {
  class Money {
    readonly #cents = 1_999;
    toJSON(): string {
      return String(this.#cents);
    }
  }
  const put = (value: object): Command => ({
    type: 'capture',
    requestId: 'q2',
    collection: 'asks',
    change: { op: 'put', value },
  });

  test.each<[string, object, string]>([
    ['an instance of a class', { id: 'x', price: new Money() }, 'change.value.price'],
    ['one in a list', { id: 'x', lines: [{ price: new Money() }] }, 'change.value.lines.0.price'],
    ['one of the platform’s', { id: 'x', at: new Date(0) }, 'change.value.at'],
    ['the record itself', new Money(), 'change.value'],
  ])('%s is refused with its place, and nothing is sent', async (_name, value, place) => {
    answers = [ok({ id: 'x', seq: 1, settled: false })];
    await expect(link.ask(put(value))).rejects.toMatchObject({
      name: 'UpdraftError',
      kind: 'not-json',
      message: expect.stringContaining(`"${place}"`),
    });
    expect(heard).toEqual([]);
    expect(vi.getTimerCount(), 'nothing is left running').toBe(0);
  });
  test('its plain form is sent unchanged', async () => {
    answers = [ok({ id: 'x', seq: 1, settled: false })];
    const command = put({ id: 'x', price: { cents: 1_999 } });
    await link.ask(command);
    expect(heard.map((message) => message.command)).toEqual([command]);
  });
});

describe('a worker older than this page', () => {
  const reload = (): Reply => ({
    updraft: MESSAGES_FLOOR,
    error: { kind: 'reload-needed', message: 'Reload the page.' },
  });

  test('is asked in its own version, from then on at once', async () => {
    answers = [({ updraft }) => (updraft === MESSAGES_FLOOR ? ok('stored')() : reload())];
    const older = createWorkerLink(() => worker, 'ana');
    expect(await older.ask(CAPTURE)).toBe('stored');
    expect(await older.ask({ type: 'status' })).toBe('stored');
    expect(heard.map(({ updraft }) => updraft)).toEqual([
      MESSAGES_VERSION,
      MESSAGES_FLOOR,
      MESSAGES_FLOOR,
    ]);
  });
  test('that serves neither version: the page is told to reload', async () => {
    answers = [reload];
    expect(await kindOf(createWorkerLink(() => worker, 'ana').ask(CAPTURE))).toBe('reload-needed');
    expect(heard).toHaveLength(2);
  });
});
