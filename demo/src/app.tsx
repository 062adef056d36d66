import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Session } from './airflow.ts';
import { Welcome } from './parts/welcome.tsx';
import { Workspace } from './parts/workspace.tsx';
import type { RegisteredWorker } from './register-worker.ts';
import { recall, remember } from './remembered.ts';

/**
 * Opens the workspace of the last user, signed in or not: capture must not need an answer from a
 * server.
 */
export function App({ worker }: { readonly worker: RegisteredWorker }): JSX.Element {
  const [user, setUser] = useState(recall('user'));
  const [session, setSession] = useState<Session>();
  const [update, setUpdate] = useState<() => void>();
  useEffect(() => worker.onUpdate((apply) => setUpdate(() => apply)), [worker]);
  const workAs = (name: string, signedIn?: Session): void => {
    remember('user', name);
    setSession(signedIn);
    setUser(name);
  };
  const lastUser = recall('user');
  if (user === undefined) {
    return (
      <Welcome
        lastUser={lastUser}
        onSignedIn={(signedIn) => workAs(signedIn.user, signedIn)}
        onContinue={() => lastUser !== undefined && workAs(lastUser)}
      />
    );
  }
  return (
    <Workspace
      key={user}
      registration={worker.registration}
      user={user}
      session={session?.user === user ? session : undefined}
      update={update}
      onSignedIn={(signedIn) => workAs(signedIn.user, signedIn)}
      onLeave={() => {
        setSession(undefined);
        setUser(undefined);
      }}
    />
  );
}
