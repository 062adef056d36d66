import { afterEach, describe, expect, test, vi } from 'vitest';
import { Traffic } from './traffic.ts';
import {
  createHttp,
  readRetryAfter,
  type Authorization,
  type HttpReply,
  type HttpRequest,
} from './http.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const GET: HttpRequest = { method: 'GET', path: '/api/v2/version', timeoutMs: 1_000 };
const POST: HttpRequest = {
  method: 'POST',
  path: '/api/v2/dags/d/dagRuns',
  body: '{"a":1}',
  timeoutMs: 1_000,
};
const BEARER: Authorization = { headers: { authorization: 'Bearer secret' }, credentials: 'omit' };

/** Sends one request to a server with this answer, and returns the arguments of `fetch`. */
async function exchange(
  answer: Response | Error | ((init: RequestInit) => Promise<Response>),
  request = GET,
  authorization = BEARER,
): Promise<{ reply: HttpReply; url: string; init: RequestInit }> {
  const calls: [string, RequestInit][] = [];
  const fetchOf: typeof fetch = async (url, init = {}) => {
    calls.push([url as string, init]);
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : answer(init);
  };
  const reply = await createHttp('/airflow', fetchOf, () => NOW)(request, authorization);
  const [url, init] = calls[0] ?? ['', {}];
  return { reply, url, init };
}
const jsonOf = async (body: string | ReadableStream): Promise<unknown> => {
  const { reply } = await exchange(new Response(body));
  return reply.kind === 'http' ? reply.json : reply;
};

afterEach(() => {
  vi.useRealTimers();
});

test('traffic is counted in bytes, by the server’s length, failed requests too', async () => {
  const traffic = new Traffic();
  const answers = [
    new Response('{"é":1}', { status: 503 }),
    new Error('reset'),
    new Response('{}', { headers: { 'content-length': '1000' } }),
  ];
  const send = createHttp(
    '/airflow',
    async () => {
      const answer = answers.shift();
      if (answer instanceof Response) return answer;
      throw answer ?? new Error('nothing left');
    },
    () => NOW,
    traffic,
  );
  await send(POST, BEARER);
  expect(traffic).toEqual({ sent: 7, received: 8, status: 503 });
  for (let times = 0; times < 2; times++) await send(POST, BEARER);
  expect(traffic).toEqual({ sent: 21, received: 1_008, status: 200 });
});

describe('a request', () => {
  test('goes to the one Airflow, with credentials and a mark only we can set', async () => {
    const { url, init } = await exchange(Response.json({}), POST);
    expect(url).toBe('/airflow/api/v2/dags/d/dagRuns');
    expect(init).toMatchObject({
      method: 'POST',
      body: '{"a":1}',
      headers: {
        authorization: 'Bearer secret',
        'content-type': 'application/json',
        accept: 'application/json',
        'x-updraft': '1',
      },
      credentials: 'omit',
    });
  });
  test('with a cookie names no token', async () => {
    const { init } = await exchange(Response.json({}), GET, {
      headers: {},
      credentials: 'same-origin',
    });
    expect(init.credentials).toBe('same-origin');
    expect(Object.keys(init.headers as object)).toEqual(['accept', 'x-updraft']);
    expect(init).not.toHaveProperty('body');
  });
  test('fault 21: follows no redirect, and is answered by no cache', async () => {
    const { init } = await exchange(Response.json({}));
    expect(init).toMatchObject({ redirect: 'manual', cache: 'no-store' });
    const { reply } = await exchange(new TypeError('no network'));
    expect(reply).toEqual({ kind: 'failed', why: 'network' });
  });
  test('case A10: a redirect without an address is reported as a redirect', async () => {
    const redirect = {
      type: 'opaqueredirect',
      status: 0,
      headers: new Headers(),
      text: async () => expect.unreachable('it has no body'),
    };
    const { reply } = await exchange(async () => redirect as unknown as Response);
    expect(reply).toEqual({ kind: 'failed', why: 'redirect' });
  });
});

describe('a body that may be compressed', () => {
  const bodyOf = (length: number): string => JSON.stringify('é'.repeat(length));
  test('is compressed when large: the same bytes once unpacked', async () => {
    const { init } = await exchange(Response.json({}), {
      ...POST,
      body: bodyOf(5_000),
      compress: true,
    });
    expect(init.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-type': 'application/json',
    });
    const packed = init.body as ArrayBuffer;
    expect(packed.byteLength).toBeLessThan(500);
    expect(
      await new Response(
        new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')),
      ).text(),
    ).toBe(bodyOf(5_000));
  });
  test('is not compressed when small, or for an unknown server', async () => {
    for (const request of [
      { ...POST, compress: true },
      { ...POST, body: bodyOf(5_000) },
    ]) {
      const { init } = await exchange(Response.json({}), request);
      expect(init.body).toBe(request.body);
      expect(init.headers).not.toHaveProperty('content-encoding');
    }
  });
  test('is not compressed by a browser that cannot compress', async () => {
    vi.stubGlobal('CompressionStream', undefined);
    const { init } = await exchange(Response.json({}), {
      ...POST,
      body: bodyOf(5_000),
      compress: true,
    });
    vi.unstubAllGlobals();
    expect(init.body).toBe(bodyOf(5_000));
    expect(init.headers).not.toHaveProperty('content-encoding');
  });
});

describe('a time limit', () => {
  const untilAborted = ({ signal }: RequestInit): Promise<never> =>
    new Promise((_resolve, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error)),
    );

  test('ends a request without an answer', async () => {
    expect((await exchange(untilAborted, { ...GET, timeoutMs: 1 })).reply).toEqual({
      kind: 'failed',
      why: 'timeout',
    });
  });
  test('ends an answer whose body never ends', async () => {
    const answer = async (init: RequestInit): Promise<Response> =>
      ({
        headers: new Headers(),
        status: 200,
        text: () => untilAborted(init),
      }) as unknown as Response;
    expect((await exchange(answer, { ...GET, timeoutMs: 1 })).reply).toEqual({
      kind: 'failed',
      why: 'timeout',
    });
  });
});

describe('a reply', () => {
  test('holds the status and the JSON, for any status', async () => {
    expect((await exchange(Response.json({ detail: 'no' }, { status: 422 }))).reply).toEqual({
      kind: 'http',
      status: 422,
      json: { detail: 'no' },
    });
  });
  test.each<[string, string, unknown]>([
    ['JSON', '{"a":1}', { a: 1 }],
    ['JSON over several lines', '{\n "a": 1\n}\n', { a: 1 }],
    [
      'the last of several JSON lines',
      '{"state":"queued"}\n{"state":"running"}\n{"state":"success","results":{}}\n',
      { state: 'success', results: {} },
    ],
    ['one JSON line', '{"state":"success"}\n', { state: 'success' }],
    ['fault 22: JSON lines cut short', '{"state":"running"}\n{"state":"succ', undefined],
    ['fault 22: JSON cut short', '{"dag_run_id":"x","dag', undefined],
    [
      'fault 22: JSON with something appended',
      '{"dag_run_id":"x"}<script>alert(1)</script>',
      undefined,
    ],
    [
      'fault 22: JSON with a line of HTML appended',
      '{"dag_run_id":"x"}\n<p>Sponsored by your hotel</p>',
      undefined,
    ],
    ['fault 21: HTML', '<!doctype html><title>Sign in to the hotel’s network</title>', undefined],
    ['text', 'Internal Server Error', undefined],
    ['nothing', '', undefined],
    ['nothing but line ends', '\n\n', undefined],
  ])('%s', async (_name, body, expected) => {
    expect(await jsonOf(body)).toEqual(expected);
  });
  test('fault 18, 22: a body that breaks off is a failed network, not an answer', async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"state":'));
        controller.error(new TypeError('terminated'));
      },
    });
    expect(await jsonOf(body)).toEqual({ kind: 'failed', why: 'network' });
  });
});

describe('fault 25: Retry-After', () => {
  test.each<[string, string | null, number | undefined]>([
    ['in seconds', '120', 120_000],
    ['as a date', 'Thu, 01 Jan 2026 00:02:00 GMT', 120_000],
    ['as a date that has passed', 'Wed, 31 Dec 2025 23:59:00 GMT', undefined],
    ['of nothing', '0', undefined],
    ['below nothing', '-5', undefined],
    ['empty', '', undefined],
    ['that says nothing', 'soon', undefined],
    ['that is none', null, undefined],
  ])('%s', (_name, header, expected) => {
    expect(readRetryAfter(header, NOW)).toBe(expected);
  });
  test('comes with the reply', async () => {
    const { reply } = await exchange(
      new Response('busy', { status: 503, headers: { 'retry-after': '7' } }),
    );
    expect(reply).toEqual({
      kind: 'http',
      status: 503,
      json: undefined,
      text: 'busy',
      retryAfterMs: 7_000,
    });
  });
});
