import type { AuthReason } from '../../shared/messages.ts';
import { unreachable } from '../../shared/errors.ts';
import { batchPath, emptyRun } from './batch-target.ts';
import { bodyOf, classify, type Classified } from './classify.ts';
import type { Authorization, Http } from './http.ts';
import type { TokenVault } from './token-vault.ts';
import type { CredentialsKind, Effect } from './transport.ts';

/** The credentials of one user, added at send time and only ever for that user (law 12). */
export interface Credentials {
  /** Returns the credentials to send with, or the effect that forbids sending now. */
  readonly authorize: (kind: CredentialsKind) => Promise<Authorization | Effect>;
  /**
   * Like `authorize`, without asking whose credentials these are: for a server that compares the
   * request's user with the authenticated user first.
   */
  readonly unchecked: (kind: CredentialsKind) => Promise<Authorization | Effect>;
  /**
   * Drops credentials that Airflow has refused, or that are another user's. Newer credentials,
   * given meanwhile, stay.
   */
  readonly forget: (
    kind: CredentialsKind,
    refused: Authorization,
    reason?: AuthReason,
  ) => Promise<void>;
  readonly signIn: (kind: CredentialsKind, token: string | undefined) => Promise<void>;
}

interface Deps {
  readonly user: string;
  readonly http: Http;
  readonly vault: TokenVault;
  readonly randomHex: () => string;
}

const IDENTITY_TIMEOUT_MS = 10_000;
const COOKIE: Authorization = { headers: {}, credentials: 'same-origin' };

/**
 * Asks Airflow whose credentials these are before anything is sent: nothing of one user travels
 * under another's name.
 */
export function createCredentials(deps: Deps): Credentials {
  const { http, vault } = deps;
  let token: string | undefined;
  let verified: string | undefined;
  /** Why there is no token: another lane may ask for the token that one lane saw refused. */
  let reason: AuthReason = 'missing';

  /** Lanes open, forget and seal the kept token in turn: none undoes what another has begun. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(body: () => Promise<T>): Promise<T> => {
    const done = turn.then(body);
    turn = done.catch(() => undefined);
    return done;
  };

  const current = (kind: 'memory' | 'sealed'): Promise<Authorization | Effect> =>
    inTurn(async () => {
      if (token === undefined && kind === 'sealed') token = await vault.open();
      return token === undefined ? signInFor(reason) : withToken(token);
    });

  return {
    async authorize(kind) {
      const authorization = kind === 'cookie' ? await sessionToken(http) : await current(kind);
      if ('kind' in authorization) return authorization;
      if (kind !== 'cookie' && authorization.headers['authorization'] === verified)
        return authorization;
      const identity = await identify(deps, authorization);
      if (identity !== 'mine') {
        if (identity.kind === 'sign-in') await this.forget(kind, authorization, identity.reason);
        return identity;
      }
      // Marks the token that was asked about: another token may have been given meanwhile.
      verified = authorization.headers['authorization'];
      return authorization;
    },
    async unchecked(kind) {
      return kind === 'cookie' ? COOKIE : current(kind);
    },
    forget: (kind, refused, why = 'refused') =>
      inTurn(async () => {
        if (kind === 'cookie' || refused.headers['authorization'] !== bearer(token)) return;
        token = verified = undefined;
        reason = why;
        if (kind === 'sealed') await vault.drop();
      }),
    signIn: (kind, newToken) =>
      inTurn(async () => {
        token = newToken;
        verified = undefined;
        reason = 'missing';
        switch (kind) {
          case 'sealed':
            return vault.seal(newToken ?? '');
          case 'cookie':
          case 'memory':
            return vault.drop();
          default:
            return unreachable(kind);
        }
      }),
  };
}

const bearer = (token: string | undefined): string => `Bearer ${token}`;
const withToken = (token: string): Authorization => ({
  headers: { authorization: bearer(token) },
  credentials: 'omit',
});
const signInFor = (reason: AuthReason): Effect => ({ kind: 'sign-in', reason });

/**
 * Returns a token of the browser's session, to identify and use for a single exchange: a cookie can
 * become another user's between two requests, a token cannot. A server without such tokens gets the
 * cookie, and is asked for the identity each time.
 */
async function sessionToken(http: Http): Promise<Authorization | Effect> {
  const body = JSON.stringify({ token_type: 'cli' });
  const reply = await http(
    { method: 'POST', path: '/ui/auth/token', body, timeoutMs: IDENTITY_TIMEOUT_MS },
    COOKIE,
  );
  const is = classify('token', reply);
  if (is.kind === 'ok') return withToken(bodyOf('token', reply).access_token);
  if (is.kind === 'missing') return COOKIE;
  return is.kind === 'accepted-before' ? { kind: 'retry', for: 'airflow' } : is;
}

/** Asks Airflow for the user's name. Without an answer nothing is sent. */
async function identify(
  { user, http, randomHex }: Deps,
  authorization: Authorization,
): Promise<'mine' | Effect> {
  const reply = await http(
    { method: 'GET', path: '/ui/auth/me', timeoutMs: IDENTITY_TIMEOUT_MS },
    authorization,
  );
  const is = classify('identity', reply);
  if (is.kind === 'missing')
    return (await whyNotAirflow(http)) ?? identifyByRun(user, http, authorization, randomHex());
  if (is.kind !== 'ok') return asEffect(is);
  return bodyOf('identity', reply).username === user ? 'mine' : signInFor('other-user');
}

/**
 * Triggers an empty run to learn the user's name from the answer. Airflow 3.1 has no identity
 * request but records who triggered a run. The run carries no data and does nothing.
 */
async function identifyByRun(
  user: string,
  http: Http,
  authorization: Authorization,
  random: string,
): Promise<'mine' | Effect> {
  const reply = await http(
    {
      method: 'POST',
      path: batchPath('dag'),
      body: emptyRun(random),
      timeoutMs: IDENTITY_TIMEOUT_MS,
    },
    authorization,
  );
  const is = classify('trigger', reply);
  if (is.kind !== 'ok') return asEffect(is);
  return bodyOf('trigger', reply).triggering_user_name === user ? 'mine' : signInFor('other-user');
}

/**
 * Returns undefined where Airflow itself answers. Otherwise a captive portal answered, or Airflow
 * is out of service.
 */
async function whyNotAirflow(http: Http): Promise<Effect | undefined> {
  const version = await http(
    { method: 'GET', path: '/api/v2/version', timeoutMs: IDENTITY_TIMEOUT_MS },
    { headers: {}, credentials: 'omit' },
  );
  const is = classify('version', version);
  return is.kind === 'ok' ? undefined : asEffect(is);
}

/**
 * Treats a missing path or a taken run id as trouble that passes. A probe has no batch that could
 * be refused.
 */
function asEffect(is: Classified): Effect {
  return is.kind === 'ok' ||
    is.kind === 'missing' ||
    is.kind === 'accepted-before' ||
    is.kind === 'refuse'
    ? { kind: 'retry', for: 'airflow' }
    : is;
}
