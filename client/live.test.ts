import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Live, type Head } from './live.ts';

const PLUGIN = { live: true, auth: 'ok' } as const;

interface Stream {
  readonly url: string;
  readonly init: RequestInit;
  /** Writes to the stream, as the server. */
  readonly write: (text: string) => void;
  readonly end: () => void;
}
let streams: Stream[];
/** A response or error that the server gives instead of a stream. */
let answer: Response | Error | undefined;
let heard: Head[];
let page: EventTarget & { visibilityState: 'visible' | 'hidden' };
let browser: EventTarget;
let headers: Record<string, string>;
let pages: Live[];

/** Web Locks: a single holder per name; the next in line is granted when the holder lets go. */
function locks(): Pick<LockManager, 'request'> {
  let last: Promise<unknown> = Promise.resolve();
  return {
    request: (async (_name: string, { signal }: LockOptions, body: () => Promise<unknown>) => {
      const mine = last.then(() => (signal?.aborted ? undefined : body()));
      last = mine.catch(() => undefined);
      return mine;
    }) as LockManager['request'],
  };
}
const fetchOf = async (url: string, init: RequestInit): Promise<Response> => {
  if (answer instanceof Error) throw answer;
  if (answer) return answer;
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (made) => void (controller = made) });
  init.signal?.addEventListener('abort', () =>
    controller.error(new DOMException('aborted', 'AbortError')),
  );
  streams.push({
    url,
    init,
    write: (text) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
  });
  return new Response(body);
};
/** Runs every pending task that needs no time. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const stream = (): Stream => streams.at(-1) ?? expect.unreachable('no stream was opened');
const line = (revision: number, epoch = 'e1'): string =>
  `${JSON.stringify({ epoch, revision, heads: {} })}\n`;

async function open(): Promise<Live> {
  const live = new Live({
    user: 'ana',
    airflow: '/airflow',
    headers: async () => headers,
    onHead: (head) => heard.push(head),
  });
  pages.push(live);
  live.update(PLUGIN);
  await settle();
  return live;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  [streams, heard, headers, pages, answer] = [[], [], {}, [], undefined];
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' as const });
  browser = new EventTarget();
  vi.stubGlobal('fetch', fetchOf);
  vi.stubGlobal('document', page);
  vi.stubGlobal('navigator', { locks: locks() });
  vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser));
});
afterEach(() => {
  for (const live of pages) live.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('each line is a head; a heartbeat is none', async () => {
  const live = await open();
  stream().write(line(1) + '{}\n' + line(2));
  await settle();
  expect(heard).toEqual([
    { epoch: 'e1', revision: 1 },
    { epoch: 'e1', revision: 2 },
  ]);
  expect(live.isOpen).toBe(true);
});
test('a line may come in pieces', async () => {
  await open();
  for (const piece of line(7)) stream().write(piece);
  await settle();
  expect(heard).toEqual([{ epoch: 'e1', revision: 7 }]);
});
test('requests carry the cookie or a token, and a header that other sites cannot set', async () => {
  await open();
  expect(stream()).toMatchObject({
    url: '/airflow/updraft/v1/live',
    init: { credentials: 'same-origin', headers: { 'x-updraft': '1' }, redirect: 'error' },
  });
  headers = { authorization: 'Bearer t' };
  stream().end();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(stream().init).toMatchObject({ credentials: 'omit', headers });
});
test('two tabs share a stream; when the first closes the second reads', async () => {
  const first = await open();
  await open();
  expect(streams).toHaveLength(1);
  first.close();
  await settle();
  expect(streams).toHaveLength(2);
  stream().write(line(3));
  await settle();
  expect(heard).toEqual([{ epoch: 'e1', revision: 3 }]);
});
test('no stream without the plugin, signed out, or in a hidden page', async () => {
  const live = await open();
  live.update({ live: true, auth: 'required' });
  await settle();
  expect(stream().init.signal?.aborted).toBe(true);
  live.update({ live: false, auth: 'ok' });
  page.visibilityState = 'hidden';
  live.update(PLUGIN);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(streams).toHaveLength(1);
  page.visibilityState = 'visible';
  live.update(PLUGIN);
  await settle();
  expect(streams).toHaveLength(2);
});
test('an ended stream is opened again, with a growing delay until a stream works', async () => {
  await open();
  answer = new TypeError('Failed to fetch');
  stream().end();
  await settle();
  await vi.advanceTimersByTimeAsync(500 + 1_000 + 2_000);
  answer = undefined;
  await vi.advanceTimersByTimeAsync(3_999);
  expect(streams).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(streams).toHaveLength(2);
  stream().write(line(1));
  stream().end();
  await vi.advanceTimersByTimeAsync(500);
  expect(streams, 'it spoke: from the beginning').toHaveLength(3);
});
test('the browser is online again: at once', async () => {
  answer = new TypeError('Failed to fetch');
  await open();
  answer = undefined;
  browser.dispatchEvent(new Event('online'));
  await settle();
  expect(streams).toHaveLength(1);
});
test('a stream that is silent is dead, whatever the network says', async () => {
  const live = await open();
  stream().write('{}\n');
  await settle();
  await vi.advanceTimersByTimeAsync(39_999);
  expect(live.isOpen).toBe(true);
  await vi.advanceTimersByTimeAsync(1);
  expect(live.isOpen).toBe(false);
  expect(stream().init.signal?.aborted).toBe(true);
});
test.each([
  ['fault 21: a captive portal’s page', () => new Response('<html>\nsign in\n</html>\n')],
  ['a refusal', () => new Response('{"detail":"Not authenticated"}\n', { status: 401 })],
  ['a server that is busy', () => new Response('{}\n', { status: 503 })],
])('%s tells nothing, and is tried again', async (_name, made) => {
  answer = made();
  const live = await open();
  expect([heard, live.isOpen]).toEqual([[], false]);
  answer = undefined;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(streams).toHaveLength(1);
});
