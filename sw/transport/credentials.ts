import type { AuthReason } from '../../shared/messages.ts';
import { unreachable } from '../../shared/errors.ts';
import { batchPath } from './batch-target.ts';
import { bodyOf, classify, type Classified } from './classify.ts';
import type { Authorization, Http } from './http.ts';
import type { TokenVault } from './token-vault.ts';
import type { CredentialsKind, Effect } from './transport.ts';

/** The credentials of one user. They are added at send time and only ever for that user (law 12). */
export interface Credentials {
  /** What to send with, or why nothing may be sent now. */
  readonly authorize: (kind: CredentialsKind) => Promise<Authorization | Effect>;
  /** The same without asking whose they are: for a server that compares the request's user with the authenticated one before anything else. */
  readonly unchecked: (kind: CredentialsKind) => Promise<Authorization | Effect>;
  /** Airflow refused these; newer ones, given meanwhile, stay. */
  readonly forget: (kind: CredentialsKind, refused: Authorization) => Promise<void>;
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

/** Before anything is sent Airflow is asked whose credentials these are: nothing of one user travels under another's name. */
export function createCredentials(deps: Deps): Credentials {
  const { http, vault } = deps;
  let token: string | undefined;
  let verified: string | undefined;

  const current = async (kind: 'memory' | 'sealed'): Promise<Authorization | undefined> => {
    if (token === undefined && kind === 'sealed') token = await vault.open();
    return token === undefined ? undefined : withToken(token);
  };

  return {
    async authorize(kind) {
      const authorization = kind === 'cookie' ? await sessionToken(http) : await current(kind);
      if (!authorization) return signInFor('missing');
      if ('effect' in authorization) return authorization;
      if (kind !== 'cookie' && authorization.headers['authorization'] === verified) return authorization;
      const identity = await whose(deps, authorization);
      if (identity !== 'mine') {
        if (identity.effect === 'sign-in') await this.forget(kind, authorization);
        return identity;
      }
      // The one that was asked about: another may have been given meanwhile.
      verified = authorization.headers['authorization'];
      return authorization;
    },
    async unchecked(kind) {
      return kind === 'cookie' ? COOKIE : ((await current(kind)) ?? signInFor('missing'));
    },
    async forget(kind, refused) {
      if (kind === 'cookie' || refused.headers['authorization'] !== bearer(token)) return;
      token = verified = undefined;
      if (kind === 'sealed') await vault.drop();
    },
    async signIn(kind, newToken) {
      token = newToken;
      verified = undefined;
      switch (kind) {
        case 'sealed':
          return vault.seal(newToken ?? '');
        case 'cookie':
        case 'memory':
          return vault.drop();
        default:
          return unreachable(kind);
      }
    },
  };
}

const bearer = (token: string | undefined): string => `Bearer ${token}`;
const withToken = (token: string): Authorization => ({ headers: { authorization: bearer(token) }, credentials: 'omit' });
const signInFor = (reason: AuthReason): Effect => ({ effect: 'sign-in', reason });

/**
 * A cookie can become another user's between two requests; a token stays whose it is. So the session is asked for a token, and that one
 * is identified and used for this one exchange. A server that gives none is spoken to with the cookie, and identified each time.
 */
async function sessionToken(http: Http): Promise<Authorization | Effect> {
  const body = JSON.stringify({ token_type: 'cli' });
  const reply = await http({ method: 'POST', path: '/ui/auth/token', body, timeoutMs: IDENTITY_TIMEOUT_MS }, COOKIE);
  const is = classify('token', reply);
  if (is.effect === 'ok') return withToken(bodyOf('token', reply).access_token);
  if (is.effect === 'missing') return COOKIE;
  return is.effect === 'accepted-before' ? { effect: 'retry', for: 'airflow' } : is;
}

/** Newer Airflows name the user. Without an answer nothing is sent. */
async function whose({ user, http, randomHex }: Deps, authorization: Authorization): Promise<'mine' | Effect> {
  const reply = await http({ method: 'GET', path: '/ui/auth/me', timeoutMs: IDENTITY_TIMEOUT_MS }, authorization);
  const is = classify('identity', reply);
  if (is.effect === 'missing') return (await isAirflow(http)) ?? whoseRun(user, http, authorization, randomHex());
  if (is.effect !== 'ok') return asEffect(is);
  return bodyOf('identity', reply).username === user ? 'mine' : signInFor('other-user');
}

/**
 * An Airflow that names nobody (3.1) still writes down who triggered a run, and says so in its answer: an empty run is triggered, which carries
 * nothing of anybody and does nothing.
 */
async function whoseRun(user: string, http: Http, authorization: Authorization, random: string): Promise<'mine' | Effect> {
  const body = JSON.stringify({ dag_run_id: `updraft__whoami__${random}`, logical_date: null, conf: {} });
  const reply = await http({ method: 'POST', path: batchPath('dag'), body, timeoutMs: IDENTITY_TIMEOUT_MS }, authorization);
  const is = classify('trigger', reply);
  if (is.effect !== 'ok') return asEffect(is);
  return bodyOf('trigger', reply).triggering_user_name === user ? 'mine' : signInFor('other-user');
}

/** Undefined where Airflow itself answers: else a captive portal, or an outage, has answered for it. */
async function isAirflow(http: Http): Promise<Effect | undefined> {
  const version = await http({ method: 'GET', path: '/api/v2/version', timeoutMs: IDENTITY_TIMEOUT_MS }, { headers: {}, credentials: 'omit' });
  const is = classify('version', version);
  return is.effect === 'ok' ? undefined : asEffect(is);
}

/** What is not there or taken where it should not be is trouble that passes. A probe has no batch that could be refused. */
function asEffect(is: Classified): Effect {
  return is.effect === 'ok' || is.effect === 'missing' || is.effect === 'accepted-before' || is.effect === 'refuse' ? { effect: 'retry', for: 'airflow' } : is;
}
