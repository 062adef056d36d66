import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Status } from '../../../client/index.ts';
import { dropCookie } from '../airflow.ts';
import { errorText } from '../error-text.ts';
import { forget, recall } from '../remembered.ts';
import type { Client } from '../use-updraft.ts';
import { Dialog } from './dialog.tsx';
import { Icon } from './icon.tsx';

interface Props {
  readonly user: string;
  readonly client: Client | undefined;
  readonly status: Status | undefined;
  readonly onLeave: () => void;
}

/**
 * The user, and the ways to stop: keep the data, remove the data from the device, or let somebody
 * else work.
 */
export function Account({ user, client, status, onLeave }: Props): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const [problem, setProblem] = useState<string>();
  const unsent = status ? status.unsent + status.pendingCalls : 0;
  const isSignedIn = status !== undefined && status.auth !== 'required';
  const signOut = async (data: 'keep' | 'remove'): Promise<void> => {
    try {
      await client?.signOut({ unsent: data === 'keep' ? 'keep' : 'discard' });
      if (recall('mode') === 'cookie') dropCookie();
      setOpen(false);
      if (data === 'remove') {
        forget();
        onLeave();
      }
    } catch (error) {
      setProblem(errorText(error));
    }
  };
  return (
    <>
      <button
        class="button plain account"
        data-testid="account"
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        <Icon name="person" />
        {user}
      </button>
      {isOpen && (
        <Dialog
          title={isSignedIn ? `Signed in as ${user}` : `Working as ${user}, signed out`}
          onClose={() => setOpen(false)}
        >
          <Choices
            isSignedIn={isSignedIn}
            unsent={unsent}
            onSignOut={(data) => void signOut(data)}
            onLeave={onLeave}
          />
          <p class="problem" role="alert">
            {problem}
          </p>
          <div class="buttons">
            <button class="button plain" onClick={() => setOpen(false)}>
              Close
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

interface ChoicesProps {
  readonly isSignedIn: boolean;
  readonly unsent: number;
  readonly onSignOut: (data: 'keep' | 'remove') => void;
  readonly onLeave: () => void;
}

function Choices({ isSignedIn, unsent, onSignOut, onLeave }: ChoicesProps): JSX.Element {
  return (
    <div class="choices">
      {isSignedIn && (
        <button class="button" data-testid="sign-out-keep" onClick={() => onSignOut('keep')}>
          Sign out, keep what is not sent
          <small>Nobody can read it here until you sign in again.</small>
        </button>
      )}
      <button
        class="button danger"
        data-testid="sign-out-remove"
        onClick={() => onSignOut('remove')}
      >
        Sign out and clear this device
        <small>
          {unsent > 0
            ? `${unsent} not in Airflow yet would be lost!`
            : 'All is in Airflow; nothing is lost.'}
        </small>
      </button>
      <button class="button" data-testid="switch-user" onClick={onLeave}>
        Somebody else works here
        <small>Each person’s inspections stay their own.</small>
      </button>
    </div>
  );
}
