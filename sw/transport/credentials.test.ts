import { beforeEach, describe, expect, test } from 'vitest';
import { createCredentials, type Credentials } from './credentials.ts';
import type { Authorization, Http, HttpReply, HttpRequest } from './http.ts';
import type { TokenVault } from './token-vault.ts';

const json = (status: number, body: unknown): HttpReply => ({ kind: 'http', status, json: body });
const bearer = (token: string): Authorization => ({
  headers: { authorization: `Bearer ${token}` },
  credentials: 'omit',
});
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
const create = (): Credentials =>
  createCredentials({ user: 'ana', http, vault, randomHex: () => 'random' });
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
  test('is identified once, and sent from then on', async () => {
    await credentials.signIn('memory', 'mine');
    expect(await credentials.authorize('memory')).toEqual(bearer('mine'));
    expect(await credentials.authorize('memory')).toEqual(bearer('mine'));
    expect(paths()).toEqual(['/ui/auth/me']);
  });
  test('missing, after a restart too: nothing is asked of Airflow', async () => {
    expect(await credentials.authorize('memory')).toEqual({ kind: 'sign-in', reason: 'missing' });
    expect(await credentials.authorize('sealed')).toEqual({ kind: 'sign-in', reason: 'missing' });
    expect(asked).toEqual([]);
  });
  test('fault 38: of another user: nothing is sent, and the token is forgotten', async () => {
    await credentials.signIn('sealed', 'theirs');
    expect(await credentials.authorize('sealed')).toEqual({
      kind: 'sign-in',
      reason: 'other-user',
    });
    expect(kept).toBeUndefined();
  });
  test('fault 23: refused, is forgotten at rest too', async () => {
    await credentials.signIn('sealed', 'expired');
    expect(await credentials.authorize('sealed')).toEqual({ kind: 'sign-in', reason: 'refused' });
    expect(kept).toBeUndefined();
  });
  test('newly given, is identified again', async () => {
    await credentials.signIn('memory', 'mine');
    await credentials.authorize('memory');
    await credentials.signIn('memory', 'theirs');
    expect(await credentials.authorize('memory')).toEqual({
      kind: 'sign-in',
      reason: 'other-user',
    });
  });
  test('sealed, outlives the worker; given for memory, is stored nowhere', async () => {
    await credentials.signIn('sealed', 'mine');
    expect(await create().authorize('sealed')).toEqual(bearer('mine'));
    await credentials.signIn('memory', 'newer');
    expect(kept).toBeUndefined();
  });
  test('taken away by a sign-out, is gone', async () => {
    await credentials.signIn('sealed', 'mine');
    await credentials.authorize('sealed');
    await credentials.signIn('memory', undefined);
    expect(await credentials.authorize('sealed')).toEqual({ kind: 'sign-in', reason: 'missing' });
  });
});

describe('two lanes that ask with one token', () => {
  test.each([
    ['expired', 'refused'],
    ['theirs', 'other-user'],
  ])('case D4: %s: learn the same reason, until a sign-in', async (token, reason) => {
    await credentials.signIn('sealed', token);
    await credentials.authorize('sealed');
    expect(await credentials.authorize('sealed')).toEqual({ kind: 'sign-in', reason });
    await credentials.signIn('memory', undefined);
    expect(await credentials.authorize('memory')).toEqual({ kind: 'sign-in', reason: 'missing' });
  });

  test('a kept token that is being opened does not take a newer token’s place', async () => {
    await credentials.signIn('sealed', 'old');
    credentials = create();
    const opened = credentials.authorize('sealed');
    const signedIn = credentials.signIn('sealed', 'mine');
    await Promise.all([opened, signedIn]);
    expect(kept).toBe('mine');
    expect(await credentials.authorize('sealed')).toEqual(bearer('mine'));
  });
});

describe('a sign-in while an answer is in flight', () => {
  test('the refusal of the old token does not forget the new token', async () => {
    await credentials.signIn('sealed', 'mine');
    const old = (await credentials.authorize('sealed')) as Authorization;
    await credentials.signIn('sealed', 'newer');
    await credentials.forget('sealed', old);
    expect(await credentials.authorize('sealed')).toEqual(bearer('newer'));
    expect(kept).toBe('newer');
  });
  test('the answer about the old token does not vouch for the new token', async () => {
    await credentials.signIn('memory', 'mine');
    override = async () => {
      override = undefined;
      await credentials.signIn('memory', 'theirs');
      return json(200, { username: 'ana' });
    };
    await credentials.authorize('memory');
    expect(await credentials.authorize('memory')).toEqual({
      kind: 'sign-in',
      reason: 'other-user',
    });
  });
});

describe('a cookie', () => {
  test('is traded for a session token in each exchange: the cookie’s user may change', async () => {
    expect(await credentials.authorize('cookie')).toEqual(bearer('of ana'));
    expect(await credentials.authorize('cookie')).toEqual(bearer('of ana'));
    expect(paths()).toEqual(['/ui/auth/token', '/ui/auth/me', '/ui/auth/token', '/ui/auth/me']);
    expect(asked.map(({ authorization }) => authorization)).toEqual([
      COOKIE,
      bearer('of ana'),
      COOKIE,
      bearer('of ana'),
    ]);
  });
  test('fault 38: of another user: nothing is sent', async () => {
    session = 'bob';
    expect(await credentials.authorize('cookie')).toEqual({
      kind: 'sign-in',
      reason: 'other-user',
    });
  });
  test('of nobody: sign in', async () => {
    session = undefined;
    expect(await credentials.authorize('cookie')).toEqual({ kind: 'sign-in', reason: 'refused' });
  });
  test('is identified each time where the server gives no token', async () => {
    override = ({ path }) =>
      path === '/ui/auth/token' ? json(404, { detail: 'Not Found' }) : undefined;
    expect(await credentials.authorize('cookie')).toEqual(COOKIE);
    expect(await credentials.authorize('cookie')).toEqual(COOKIE);
    expect(paths().filter((path) => path === '/ui/auth/me')).toHaveLength(2);
  });
  test('is forgotten without forgetting a token', async () => {
    await credentials.signIn('sealed', 'mine');
    await credentials.forget('cookie', COOKIE);
    expect(kept).toBe('mine');
  });
});

describe('unchecked, for a server that compares the users itself', () => {
  test('a cookie or a token is returned without any request', async () => {
    expect(await credentials.unchecked('cookie')).toEqual(COOKIE);
    await credentials.signIn('sealed', 'mine');
    expect(await credentials.unchecked('sealed')).toEqual(bearer('mine'));
    expect(await create().unchecked('sealed')).toEqual(bearer('mine'));
    expect(asked).toEqual([]);
  });
  test('without a token: missing', async () => {
    expect(await credentials.unchecked('memory')).toEqual({ kind: 'sign-in', reason: 'missing' });
    expect(await credentials.unchecked('sealed')).toEqual({ kind: 'sign-in', reason: 'missing' });
  });
  test('a token used unchecked is still identified where the identity matters', async () => {
    await credentials.signIn('memory', 'theirs');
    await credentials.unchecked('memory');
    expect(await credentials.authorize('memory')).toEqual({
      kind: 'sign-in',
      reason: 'other-user',
    });
  });
});

describe('nothing is sent without an answer about the identity', () => {
  test.each<[string, HttpReply, object]>([
    ['no network', { kind: 'failed', why: 'network' }, { kind: 'retry', for: 'network' }],
    ['fault 21: a captive portal', json(200, undefined), { kind: 'retry', for: 'not-airflow' }],
    [
      'fault 54: a sign-in page of another origin',
      { kind: 'failed', why: 'redirect' },
      { kind: 'retry', for: 'sign-in-page' },
    ],
    ['Airflow is down', json(502, undefined), { kind: 'retry', for: 'airflow' }],
    ['not allowed', json(403, { detail: 'Forbidden' }), { kind: 'hold', for: 'forbidden' }],
  ])('%s', async (_name, reply, expected) => {
    await credentials.signIn('memory', 'mine');
    // A portal gives every request the same answer.
    override = () => reply;
    expect(await credentials.authorize('memory')).toMatchObject(expected);
    override = undefined;
    expect(await credentials.authorize('memory'), 'the token is not forgotten for it').toEqual(
      bearer('mine'),
    );
  });
});

describe('an Airflow without an identity request (3.1) names the user of an empty run', () => {
  /** Airflow's page for an unknown path; a run's answer; the version. */
  let triggeredBy: string;
  let bodies: string[];
  beforeEach(() => {
    [triggeredBy, bodies] = ['ana', []];
    override = ({ path, body }) => {
      if (path === '/ui/auth/me') return json(200, undefined);
      if (path === '/ui/auth/token') return json(405, { detail: 'Method Not Allowed' });
      if (path === '/api/v2/version') return json(200, { version: '3.1.8' });
      bodies.push(body ?? '');
      return json(200, {
        dag_run_id: 'r',
        dag_id: 'updraft_exchange',
        triggering_user_name: triggeredBy,
      });
    };
  });

  test('mine: once for a token, each time for the cookie', async () => {
    await credentials.signIn('memory', 'mine');
    for (const kind of ['memory', 'memory'] as const)
      expect(await credentials.authorize(kind)).toEqual(bearer('mine'));
    expect(bodies).toHaveLength(1);
    for (const kind of ['cookie', 'cookie'] as const)
      expect(await credentials.authorize(kind)).toEqual(COOKIE);
    expect(bodies).toHaveLength(3);
  });
  test('the run carries no data', async () => {
    await credentials.authorize('cookie');
    expect(JSON.parse(bodies[0] ?? '')).toEqual({
      dag_run_id: 'updraft__whoami__random',
      logical_date: null,
      conf: {},
    });
  });
  test('fault 38: another user’s: nothing is sent', async () => {
    triggeredBy = 'bob';
    await credentials.signIn('memory', 'mine');
    expect(await credentials.authorize('memory')).toEqual({
      kind: 'sign-in',
      reason: 'other-user',
    });
    expect(await credentials.authorize('cookie')).toEqual({
      kind: 'sign-in',
      reason: 'other-user',
    });
  });
  test.each<[string, HttpReply, object]>([
    ['no DAG', json(404, { detail: 'Not Found' }), { kind: 'hold', for: 'dag-missing' }],
    [
      'no right to trigger it',
      json(403, { detail: 'Forbidden' }),
      { kind: 'hold', for: 'forbidden' },
    ],
    ['refused', json(401, { detail: 'Not authenticated' }), { kind: 'sign-in', reason: 'refused' }],
    [
      'an answer without a name',
      json(200, { dag_run_id: 'r', dag_id: 'updraft_exchange', triggering_user_name: null }),
      { kind: 'sign-in', reason: 'other-user' },
    ],
    [
      'a run that it does not like',
      json(422, { detail: 'why' }),
      { kind: 'retry', for: 'airflow' },
    ],
  ])('%s: nothing is sent', async (_name, reply, expected) => {
    const airflow = override;
    override = (request) => (request.path.endsWith('/dagRuns') ? reply : airflow?.(request));
    expect(await credentials.authorize('cookie')).toMatchObject(expected);
  });
  test('fault 21: a captive portal is not taken for such an Airflow', async () => {
    override = () => json(200, undefined);
    await credentials.signIn('memory', 'mine');
    expect(await credentials.authorize('memory')).toMatchObject({
      kind: 'retry',
      for: 'not-airflow',
    });
  });
});
