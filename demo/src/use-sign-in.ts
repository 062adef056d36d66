import { useEffect, useState } from 'preact/hooks';
import { setCookie, type Session } from './airflow.ts';
import { remember } from './remembered.ts';
import type { Client } from './use-updraft.ts';

/**
 * Hands a fresh sign-in to the worker: as the session cookie, or as a token to keep encrypted.
 * Returns true until the worker has the sign-in.
 */
export function useSignIn(client: Client | undefined, session: Session | undefined): boolean {
  const [given, setGiven] = useState<Session>();
  useEffect(() => {
    if (!client || !session) return;
    remember('mode', session.keep ? 'token' : 'cookie');
    if (!session.keep) setCookie(session.token);
    const giving = client.signIn(
      session.keep ? { getToken: () => session.token, keep: true } : { cookie: true },
    );
    void giving.catch(() => undefined).then(() => setGiven(session));
  }, [client, session]);
  return session !== undefined && session !== given;
}
