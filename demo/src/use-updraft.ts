import { useEffect, useState } from 'preact/hooks';
import { connect, newId, type Status, type Updraft } from '../../client/index.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { Collections } from './collections.ts';

export type Client = Updraft<Collections>;

declare global {
  interface Window {
    /** For the curious, in the console: the connected client and the maker of record ids. */
    updraft?: Client;
    newId: typeof newId;
  }
}
window.newId = newId;

export interface Connection {
  readonly client?: Client;
  readonly status?: Status;
  /** Reason of Airflow's last request for a sign-in. */
  readonly authReason?: AuthReason | undefined;
  readonly error?: unknown;
}

/**
 * Connects to the worker as this user and follows the worker's status. `onWiped`: the user has
 * signed out in some tab, and nothing is left.
 */
export function useUpdraft(
  registration: ServiceWorkerRegistration,
  user: string,
  onWiped: () => void,
): Connection {
  const [connection, setConnection] = useState<Connection>({});
  useEffect(() => {
    let open: Client | undefined;
    let isGone = false;
    const add = (part: Connection): void => setConnection((before) => ({ ...before, ...part }));
    const start = async (): Promise<void> => {
      const client = await connect<Collections>({ registration, user });
      if (isGone) return client.close();
      open = window.updraft = client;
      client.on('status', (status) =>
        add(status.auth === 'required' ? { status } : { status, authReason: undefined }),
      );
      client.on('signed-out', ({ kept }) => !kept && onWiped());
      client.on('auth-required', ({ reason }) => add({ authReason: reason }));
      add({ client, status: await client.status() });
    };
    start().catch((error: unknown) => add({ error }));
    return () => {
      isGone = true;
      open?.close();
    };
  }, [registration, user]);
  return connection;
}
