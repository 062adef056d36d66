import { useStatus } from 'airflow-updraft/react';
import { leave, openSignIn, signedIn, user } from '../updraft.ts';
import { useAction } from '../use-action.ts';
import { needsSignIn, statusWords } from '../words.ts';

/** Says what is not in Airflow yet, and why; signs in and out. */
export function StatusBar() {
  const { data: status, error } = useStatus();
  const [problem, run] = useAction();
  return (
    <div className="bar">
      <p role="status">{error?.message ?? (status ? statusWords(status) : 'Opening …')}</p>
      {status && needsSignIn(status) && (
        <>
          <button onClick={openSignIn}>Sign in to Airflow</button>
          <button onClick={() => void run(signedIn)}>I have signed in</button>
        </>
      )}
      <button onClick={() => void run(leave)}>Sign out {user}</button>
      {problem && <p role="alert">{problem}</p>}
    </div>
  );
}
