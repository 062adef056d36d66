import { isOffline } from './network.ts';

/** Airflow's address, seen from this page: same origin, behind a proxy. */
export const AIRFLOW = '/airflow';

/** A person's sign-in with Airflow, held by this page only. */
export interface Session {
  readonly user: string;
  readonly token: string;
  /** Keep the token encrypted on this device instead of using Airflow's session cookie. */
  readonly keep: boolean;
}

/** `refused`: wrong name or password. `unreachable`: nobody answered. */
export class AirflowError extends Error {
  readonly kind: 'refused' | 'unreachable' | 'missing';
  constructor(kind: AirflowError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

let token: string | undefined;

/** Signs in with Airflow's own users. Stores nothing. */
export async function signInToAirflow(
  user: string,
  password: string,
  keep: boolean,
): Promise<Session> {
  const response = await send('/auth/token', {
    method: 'POST',
    credentials: 'omit',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: user, password }),
  });
  if (response.status === 401 || response.status === 403)
    throw new AirflowError('refused', 'Airflow does not know this name with this password.');
  const answer = (await response.json().catch(() => undefined)) as
    | { access_token?: unknown }
    | undefined;
  if (!response.ok || typeof answer?.access_token !== 'string')
    throw new AirflowError(
      'unreachable',
      `Airflow did not answer the sign-in (${response.status}).`,
    );
  token = answer.access_token;
  return { user, token, keep };
}

/**
 * Sets the session cookie exactly as Airflow's own sign-in page does, to live as long as the token:
 * a reopened browser can then still send.
 */
export function setCookie(jwt: string): void {
  const left_s = Math.max(0, Math.floor((expiryOf(jwt) - Date.now()) / 1_000));
  document.cookie =
    `_token=${jwt}; path=${AIRFLOW}/; max-age=${left_s}; ` +
    `samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`;
}

export function dropCookie(): void {
  document.cookie = `_token=; path=${AIRFLOW}/; max-age=0; samesite=lax`;
  token = undefined;
}

/**
 * Calls Airflow for the page itself, as somebody in the office would: not part of the sync, and not
 * queued.
 */
export async function callAirflow(path: string, body?: object): Promise<unknown> {
  const response = await send(`/api/v2${path}`, {
    method: body ? 'POST' : 'GET',
    ...(body ? { body: JSON.stringify(body) } : {}),
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    cache: 'no-store',
  });
  if (response.ok) return response.json();
  if (response.status === 404) throw new AirflowError('missing', 'This Airflow does not have it.');
  if (response.status === 401 || response.status === 403)
    throw new AirflowError('refused', 'Airflow does not allow it. Sign in again, then repeat.');
  throw new AirflowError('unreachable', `Airflow answered with ${response.status}.`);
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(AIRFLOW + path, { ...init, signal: AbortSignal.timeout(15_000) });
  } catch {
    throw new AirflowError(
      'unreachable',
      isOffline() ? 'There is no network.' : 'Airflow cannot be reached.',
    );
  }
}

/** The `exp` claim of a JWT, in ms since 1970; a day from now without the claim. */
function expiryOf(jwt: string): number {
  try {
    const [, payload = ''] = jwt.split('.');
    const { exp } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as {
      exp?: unknown;
    };
    return typeof exp === 'number' ? exp * 1_000 : Date.now() + 86_400_000;
  } catch {
    return Date.now() + 86_400_000;
  }
}

/** The page of a DAG in Airflow's own UI. */
export const dagUrl = (dag: string): string => `${AIRFLOW}/dags/${dag}`;

/** The page of a DAG run in Airflow's own UI. */
export const runUrl = (run: string, dag = 'updraft_exchange'): string =>
  `${dagUrl(dag)}/runs/${encodeURIComponent(run)}`;
