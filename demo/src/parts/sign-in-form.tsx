import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { AirflowError, signInToAirflow, type Session } from '../airflow.ts';

interface Props {
  readonly user?: string | undefined;
  readonly onSignedIn: (session: Session) => void;
}

/**
 * Name, password, and whether to keep the sign-in. The only place where the page handles a
 * password; none is kept.
 */
export function SignInForm({ user = '', onSignedIn }: Props): JSX.Element {
  const [name, setName] = useState(user);
  const [password, setPassword] = useState('');
  const [keep, setKeep] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      onSignedIn(await signInToAirflow(name.trim(), password, keep));
      setPassword('');
    } catch (error) {
      setProblem(error instanceof AirflowError ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form class="sign-in-form" onSubmit={(event) => void submit(event)}>
      <label class="field">
        <span>Airflow user</span>
        <input
          data-testid="user"
          name="username"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Password</span>
        <input
          data-testid="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <label class="check">
        <input
          data-testid="keep-signed-in"
          type="checkbox"
          checked={keep}
          onChange={(event) => setKeep(event.currentTarget.checked)}
        />
        <span>Keep me signed in on this device (encrypted token)</span>
      </label>
      <button class="button primary" data-testid="sign-in" disabled={isBusy}>
        {isBusy ? 'Signing in …' : 'Sign in'}
      </button>
      <p class="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
