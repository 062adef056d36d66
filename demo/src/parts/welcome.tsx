import type { JSX } from 'preact';
import type { Session } from '../airflow.ts';
import { Brand } from './brand.tsx';
import { SignInForm } from './sign-in-form.tsx';

interface Props {
  readonly lastUser?: string | undefined;
  readonly onSignedIn: (session: Session) => void;
  readonly onContinue: () => void;
}

/**
 * The first screen. After a first sign-in the app also opens without a sign-in: capture must work
 * where nothing answers.
 */
export function Welcome({ lastUser, onSignedIn, onContinue }: Props): JSX.Element {
  return (
    <main class="welcome">
      <Brand />
      <section class="card">
        <h1>Capture inspections anywhere</h1>
        <p class="quiet">
          What you save stays on this device and reaches Apache Airflow as soon as there is a
          network.
        </p>
        <SignInForm user={lastUser} onSignedIn={onSignedIn} />
        {lastUser && (
          <button class="button plain" data-testid="continue" onClick={onContinue}>
            Go on as {lastUser} without signing in
          </button>
        )}
        <p class="hint">
          Demo users: ana, ben, admin, and vera, who may only look. The password is the name.
        </p>
      </section>
    </main>
  );
}
