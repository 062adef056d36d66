import { connect } from 'airflow-updraft/client';
import type { Collections } from './collections.ts';
import { AIRFLOW } from './settings.ts';

const USER = '__NAME__: user';

/** The Airflow user name of whoever uses this device; capturing needs no more than the name. */
export const user = localStorage.getItem(USER);

export function beginAs(name: string): void {
  localStorage.setItem(USER, name);
  location.reload();
}

// Vite's development server serves the worker in parts, under a name of its own.
const worker = import.meta.env.DEV ? 'dev-sw.js?dev-sw' : 'sw.js';

/** The connected client; undefined until somebody has given a name. */
export const updraft =
  user === null
    ? undefined
    : connect<Collections>({
        worker: `${import.meta.env.BASE_URL}${worker}`,
        type: import.meta.env.DEV ? 'module' : 'classic',
        user,
      });

/** Opens Airflow's own sign-in in a tab of its own; the person comes back by themselves. */
export function openSignIn(): void {
  const next = encodeURIComponent(`${location.origin}${AIRFLOW}/`);
  window.open(`${AIRFLOW}/auth/login?next=${next}`);
}

/** The person is back: the session cookie signs in from here on. */
export async function signedIn(): Promise<void> {
  await (await updraft)?.signIn({ cookie: true });
}

/** Leaves the device to somebody else; refused while work of this user is not in Airflow yet. */
export async function leave(): Promise<void> {
  await (await updraft)?.signOut();
  localStorage.removeItem(USER);
  location.reload();
}
