import { beforeEach, describe, expect, test } from 'vitest';
import { createCredentials, type Credentials } from './credentials.ts';
import type { Authorization, Http, HttpReply, HttpRequest } from './http.ts';
import type { TokenVault } from './token-vault.ts';

const json = (status: number, body: unknown): HttpReply => ({ kind: 'http', status, json: body });
const bearer = (token: string): Authorization => ({ headers: { authorization: `Bearer ${token}` }, credentials: 'omit' });
const COOKIE: Authorization = { headers: {}, credentials: 'same-origin' };

let asked: { readonly request: HttpRequest; readonly authorization: Authorization }[];
/** The user of each token; the session cookie’s is `session`. */
let owners: Record<string, string>;
let session: string | undefined;
let kept: string | undefined;
let override: ((request: HttpRequest) => Promise<HttpReply> | HttpReply | undefined) | undefined;
let credentials: Credentials;

const http: Http = async (request, authorization) => {
  asked.push({ request, authorization });
  const overridden = await override?.(request);
  if (overridden) return overridden;
  const token = authorization.headers['authorization']?.slice('Bearer '.length);
  const user = token === undefined ? session : owners[token];
  if (user === undefined) return json(401, { detail: 'Not authenticated' });
  if (request.path === '/ui/auth/token') {
    owners[`of ${user}`] = user;
    return json(200, { access_token: `of ${user}` });
  }
  return json(200, { username: user });
};
const vault: TokenVault = {
  seal: async (token) => void (kept = token),
  open: async () => kept,
  drop: async () => void (kept = undefined),
};
const create = (): Credentials => createCredentials({ user: 'ana', http, vault, randomHex: () => 'random' });
const paths = (): string[] => asked.map(({ request }) => request.path);

beforeEach(() => {
  asked = [];
  owners = { mine: 'ana', newer: 'ana', theirs: 'bob' };
  session = 'ana';
  kept = undefined;
  override = undefined;
  credentials = create();
});

describe('a token', () => {
  test('is asked whose it is once, and sent from then on', async () => {
    await credentials.signIn('memory', 'mine');
    expect(await credentials.authorize('memory')).toEqual(bearer('mine'));
    expect(await credentials.authorize('memory')).toEqual(bearer('mine'));
    expect(paths()).toEqual(['/ui/auth/me']);
  });
  test('nobody has signed in, or the worker was started anew: missing, and nothing is asked', async () => {
    expect(await credentials.authorize('memory')).toEqual({ effect: 'sign-in', reason: 'missing' });
    expect(await credentials.authorize('sealed')).toEqual({ effect: 'sign-in', reason: 'missing' });
    expect(asked).toEqual([]);
  });
  test('fault 38: of another user: nothing is sent with it, and it is forgotten', async () => {
    await credentials.signIn('sealed', 'theirs');
    expect(await credentials.authorize('sealed')).toEqual({ effect: 'sign-in', reason: 'other-user' });
    expect(kept).toBeUndefined();
    expect(await credentials.authorize('sealed')).toEqual({ effect: 'sign-in', reason: 'missing' });
  });
  test('fault 23: refused, is forgotten also at rest', async () => {
    await credentials.signIn('sealed', 'expired');
    expect(await credentials.authorize('sealed')).toEqual({ effect: 'sign-in', reason: 'refused' });
    expect(kept).toBeUndefined();
  });
  test('another one is asked anew', async () => {
    await credentials.signIn('memory', 'mine');
    await credentials.authorize('memory');
    await credentials.signIn('memory', 'theirs');
    expect(await credentials.authorize('memory')).toEqual({ effect: 'sign-in', reason: 'other-user' });
  });
  test('sealed, outlives the worker; given only for memory, is kept nowhere', async () => {
    await credentials.signIn('sealed', 'mine');
    expect(await create().authorize('sealed')).toEqual(bearer('mine'));
    await credentials.signIn('memory', 'newer');
    expect(kept).toBeUndefined();
  });
  test('taken away by a sign-out, is gone', async () => {
    await credentials.signIn('sealed', 'mine');
    await credentials.authorize('sealed');
    await credentials.signIn('memory', undefined);
    expect(await credentials.authorize('sealed')).toEqual({ effect: 'sign-in', reason: 'missing' });
  });
});

describe('while an answer is on its way someone signs in', () => {
  test('a refusal of the old token does not forget the new one', async () => {
    await credentials.signIn('sealed', 'mine');
    const old = (await credentials.authorize('sealed')) as Authorization;
    await credentials.signIn('sealed', 'newer');
    await credentials.forget('sealed', old);
    expect(await credentials.authorize('sealed')).toEqual(bearer('newer'));
    expect(kept).toBe('newer');
  });
  test('the answer about the old token does not vouch for the new one', async () => {
    await credentials.signIn('memory', 'mine');
    override = async () => {
      override = undefined;
      await credentials.signIn('memory', 'theirs');
      return json(200, { username: 'ana' });
    };
    await credentials.authorize('memory');
    expect(await credentials.authorize('memory')).toEqual({ effect: 'sign-in', reason: 'other-user' });
  });
});

describe('a cookie', () => {
  test('can become another user’s between two requests: each exchange travels with a token of the session, asked for and identified anew', async () => {
    expect(await credentials.authorize('cookie')).toEqual(bearer('of ana'));
    expect(await credentials.authorize('cookie')).toEqual(bearer('of ana'));
    expect(paths()).toEqual(['/ui/auth/token', '/ui/auth/me', '/ui/auth/token', '/ui/auth/me']);
    expect(asked.map(({ authorization }) => authorization)).toEqual([COOKIE, bearer('of ana'), COOKIE, bearer('of ana')]);
  });
  test('fault 38: of another user: nothing is sent', async () => {
    session = 'bob';
    expect(await credentials.authorize('cookie')).toEqual({ effect: 'sign-in', reason: 'other-user' });
  });
  test('of nobody: sign in', async () => {
    session = undefined;
    expect(await credentials.authorize('cookie')).toEqual({ effect: 'sign-in', reason: 'refused' });
  });
  test('where the server gives no token, is identified each time', async () => {
    override = ({ path }) => (path === '/ui/auth/token' ? json(404, { detail: 'Not Found' }) : undefined);
    expect(await credentials.authorize('cookie')).toEqual(COOKIE);
    expect(await credentials.authorize('cookie')).toEqual(COOKIE);
    expect(paths().filter((path) => path === '/ui/auth/me')).toHaveLength(2);
  });
  test('forgetting it does not forget a token', async () => {
    await credentials.signIn('sealed', 'mine');
    await credentials.forget('cookie', COOKIE);
    expect(kept).toBe('mine');
  });
});

describe('unchecked, for a server that compares the users itself', () => {
  test('nothing is asked: the cookie speaks for itself, a token too', async () => {
    expect(await credentials.unchecked('cookie')).toEqual(COOKIE);
    await credentials.signIn('sealed', 'mine');
    expect(await credentials.unchecked('sealed')).toEqual(bearer('mine'));
    expect(await create().unchecked('sealed')).toEqual(bearer('mine'));
    expect(asked).toEqual([]);
  });
  test('without a token: missing', async () => {
    expect(await credentials.unchecked('memory')).toEqual({ effect: 'sign-in', reason: 'missing' });
    expect(await credentials.unchecked('sealed')).toEqual({ effect: 'sign-in', reason: 'missing' });
  });
  test('it vouches for nobody: where it matters, the token is still asked whose it is', async () => {
    await credentials.signIn('memory', 'theirs');
    await credentials.unchecked('memory');
    expect(await credentials.authorize('memory')).toEqual({ effect: 'sign-in', reason: 'other-user' });
  });
});

describe('without an answer whose it is, nothing is sent', () => {
  test.each<[string, HttpReply, object]>([
    ['no network', { kind: 'failed', why: 'network' }, { effect: 'retry', for: 'network' }],
    ['fault 21: a captive portal', json(200, undefined), { effect: 'retry', for: 'airflow' }],
    ['Airflow is down', json(502, undefined), { effect: 'retry', for: 'airflow' }],
    ['not allowed', json(403, { detail: 'Forbidden' }), { effect: 'hold', for: 'forbidden' }],
  ])('%s', async (_name, reply, expected) => {
    await credentials.signIn('memory', 'mine');
    // A portal answers every question alike.
    override = () => reply;
    expect(await credentials.authorize('memory')).toEqual(expected);
    override = undefined;
    expect(await credentials.authorize('memory'), 'the token is not forgotten for it').toEqual(bearer('mine'));
  });
});

describe('an Airflow that names nobody (3.1) is known by whom it says an empty run was triggered', () => {
  /** Its page for a path it does not know; a run's answer; its version. */
  let triggeredBy: string;
  let bodies: string[];
  beforeEach(() => {
    [triggeredBy, bodies] = ['ana', []];
    override = ({ path, body }) => {
      if (path === '/ui/auth/me') return json(200, undefined);
      if (path === '/ui/auth/token') return json(405, { detail: 'Method Not Allowed' });
      if (path === '/api/v2/version') return json(200, { version: '3.1.8' });
      bodies.push(body ?? '');
      return json(200, { dag_run_id: 'r', dag_id: 'updraft_exchange', triggering_user_name: triggeredBy });
    };
  });

  test('mine: once for a token, each time for the cookie', async () => {
    await credentials.signIn('memory', 'mine');
    for (const kind of ['memory', 'memory'] as const) expect(await credentials.authorize(kind)).toEqual(bearer('mine'));
    expect(bodies).toHaveLength(1);
    for (const kind of ['cookie', 'cookie'] as const) expect(await credentials.authorize(kind)).toEqual(COOKIE);
    expect(bodies).toHaveLength(3);
  });
  test('the run carries nothing of anybody', async () => {
    await credentials.authorize('cookie');
    expect(JSON.parse(bodies[0] ?? '')).toEqual({ dag_run_id: 'updraft__whoami__random', logical_date: null, conf: {} });
  });
  test('fault 38: another user’s: nothing is sent', async () => {
    triggeredBy = 'bob';
    await credentials.signIn('memory', 'mine');
    expect(await credentials.authorize('memory')).toEqual({ effect: 'sign-in', reason: 'other-user' });
    expect(await credentials.authorize('cookie')).toEqual({ effect: 'sign-in', reason: 'other-user' });
  });
  test.each<[string, HttpReply, object]>([
    ['no DAG', json(404, { detail: 'Not Found' }), { effect: 'hold', for: 'dag-missing' }],
    ['no right to trigger it', json(403, { detail: 'Forbidden' }), { effect: 'hold', for: 'forbidden' }],
    ['refused', json(401, { detail: 'Not authenticated' }), { effect: 'sign-in', reason: 'refused' }],
    [
      'an answer without a name',
      json(200, { dag_run_id: 'r', dag_id: 'updraft_exchange', triggering_user_name: null }),
      { effect: 'sign-in', reason: 'other-user' },
    ],
    ['a run that it does not like', json(422, { detail: 'why' }), { effect: 'retry', for: 'airflow' }],
  ])('%s: nothing is sent', async (_name, reply, expected) => {
    const airflow = override;
    override = (request) => (request.path.endsWith('/dagRuns') ? reply : airflow?.(request));
    expect(await credentials.authorize('cookie')).toEqual(expected);
  });
  test('fault 21: a captive portal is no such Airflow', async () => {
    override = () => json(200, undefined);
    await credentials.signIn('memory', 'mine');
    expect(await credentials.authorize('memory')).toEqual({ effect: 'retry', for: 'airflow' });
  });
});
