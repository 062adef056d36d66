import type { AuthReason } from '../../shared/messages.ts';
import { unreachable } from '../../shared/errors.ts';
import { bodyOf, classify } from './classify.ts';
import type { Authorization, Http } from './http.ts';
import type { TokenVault } from './token-vault.ts';
import type { CredentialsKind, Effect } from './transport.ts';

/** The credentials of one user. They are added at send time and only ever for that user (law 12). */
export interface Credentials {
  /** What to send with, or why nothing may be sent now. */
  readonly authorize: (kind: CredentialsKind) => Promise<Authorization | Effect>;
  /** Airflow refused these; newer ones, given meanwhile, stay. */
  readonly forget: (kind: CredentialsKind, refused: Authorization) => Promise<void>;
  readonly signIn: (kind: CredentialsKind, token: string | undefined) => Promise<void>;
}

const IDENTITY_TIMEOUT_MS = 10_000;
const COOKIE: Authorization = { headers: {}, credentials: 'same-origin' };

/** Before anything is sent Airflow is asked whose credentials these are: nothing of one user travels under another's name. */
export function createCredentials(user: string, http: Http, vault: TokenVault): Credentials {
  let token: string | undefined;
  let verified: string | undefined;

  const current = async (kind: CredentialsKind): Promise<Authorization | undefined> => {
    if (kind === 'cookie') return COOKIE;
    if (token === undefined && kind === 'sealed') token = await vault.open();
    return token === undefined ? undefined : { headers: { authorization: bearer(token) }, credentials: 'omit' };
  };

  return {
    async authorize(kind) {
      const authorization = await current(kind);
      if (!authorization) return signInFor('missing');
      // A cookie can become another user's at any moment; a token stays whose it is.
      if (kind !== 'cookie' && authorization.headers['authorization'] === verified) return authorization;
      const identity = await whose(user, http, authorization);
      if (identity !== 'mine') {
        if (identity.effect === 'sign-in') await this.forget(kind, authorization);
        return identity;
      }
      // The one that was asked about: another may have been given meanwhile.
      verified = authorization.headers['authorization'];
      return authorization;
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
const signInFor = (reason: AuthReason): Effect => ({ effect: 'sign-in', reason });

/** `/ui/auth/me` names the user on both 3.1 and 3.3. Without an answer from it nothing is sent. */
async function whose(user: string, http: Http, authorization: Authorization): Promise<'mine' | Effect> {
  const reply = await http({ method: 'GET', path: '/ui/auth/me', timeoutMs: IDENTITY_TIMEOUT_MS }, authorization);
  const is = classify('identity', reply);
  switch (is.effect) {
    case 'ok':
      return bodyOf('identity', reply).username === user ? 'mine' : signInFor('other-user');
    case 'missing':
    case 'accepted-before':
      return { effect: 'retry', for: 'airflow' };
    default:
      return is;
  }
}
