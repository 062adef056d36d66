import { UpdraftError } from '../shared/errors.ts';
import { onlyOptions } from './only-options.ts';
import type { WorkerLink } from './worker-link.ts';

/**
 * The worker's credentials for Airflow. `cookie`: the same-origin session cookie; else a token,
 * requested when needed.
 */
export type SignIn =
  | { readonly cookie: true }
  | {
      /**
       * Called again when the worker has lost the token, and once when Airflow has refused the
       * token.
       */
      readonly getToken: () => Promise<string> | string;
      /** Keep the token at rest, encrypted, so that a closed tab can replay. */
      readonly keep?: boolean;
    };

/** The page's sign-in, for as long as the page is open. */
export interface SigningIn {
  readonly signIn: (how: SignIn) => Promise<void>;
  /** Gives the worker a new token, if the page has a way to get a token. */
  readonly renew: () => void;
  /** Headers for the page's own requests, with the token given last; never asks for a new token. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly forget: () => void;
}

/**
 * Returns the function that gets tokens; undefined for the cookie. Throws for options that are
 * neither.
 */
function tokensOf(how: SignIn): (() => Promise<string> | string) | void {
  const { getToken, cookie } = Object(how) as {
    readonly [name in 'getToken' | 'cookie']?: unknown;
  };
  if (typeof getToken === 'function') {
    onlyOptions('signIn', how, 'getToken', 'keep');
    return getToken as () => Promise<string> | string;
  }
  if (cookie && !getToken) return onlyOptions('signIn', how, 'cookie');
  throw new UpdraftError(
    'bad-option',
    'signIn() takes { cookie: true } or { getToken }. Nobody was signed in.',
  );
}

export function createSigningIn({ ask }: WorkerLink): SigningIn {
  let getToken: ReturnType<typeof tokensOf>;
  let keep = false;
  let token: string | undefined;
  const give = async (renewal?: { readonly renewal: true }): Promise<void> => {
    if (getToken)
      await ask({
        type: 'sign-in',
        credentials: { kind: keep ? 'sealed' : 'memory', token: (token = await getToken()) },
        ...renewal,
      });
  };
  const forget = (): void => {
    getToken = token = undefined;
  };
  return {
    async signIn(how) {
      const given = tokensOf(how);
      forget();
      getToken = given;
      keep = 'keep' in how && (how.keep ?? false);
      if (getToken) await give();
      else await ask({ type: 'sign-in', credentials: { kind: 'cookie' } });
    },
    renew: () => void give({ renewal: true }).catch(() => undefined),
    headers: async () => (token === undefined ? {} : { authorization: `Bearer ${token}` }),
    forget,
  };
}
