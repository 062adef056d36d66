import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Status, StorageLoss } from '../../../client/index.ts';
import type { AuthReason } from '../../../shared/messages.ts';
import type { Session } from '../airflow.ts';
import type { Network } from '../network.ts';
import { recall, remember } from '../remembered.ts';
import { AUTH_WORDS } from '../words.ts';
import { Icon } from './icon.tsx';
import { SignInForm } from './sign-in-form.tsx';

/** A calm banner: being offline is the normal case here. */
export function OfflineBanner({
  network,
  onReconnect,
}: {
  readonly network: Network;
  readonly onReconnect: () => void;
}): JSX.Element {
  return (
    <div role="status">
      {network.offline && (
        <div class="banner offline" data-testid="offline-banner">
          <Icon name="offline" />
          <p>
            <b>{network.simulated ? 'Offline (simulated)' : 'Offline'}</b> Go on working: everything
            is saved on this device and sent later.
          </p>
          {network.simulated && (
            <button class="button small" data-testid="reconnect" onClick={onReconnect}>
              Reconnect
            </button>
          )}
        </div>
      )}
    </div>
  );
}

interface AuthProps {
  readonly user: string;
  readonly status: Status | undefined;
  readonly reason: AuthReason | undefined;
  readonly onSignedIn: (session: Session) => void;
}

/** Shown while Airflow wants somebody to sign in. The workspace stays usable beneath. */
export function AuthBar({ user, status, reason, onSignedIn }: AuthProps): JSX.Element {
  const kind =
    status?.waiting?.for === 'other-user'
      ? 'other-user'
      : status?.locked
        ? 'locked'
        : (reason ?? 'signed-out');
  const { title, text } = AUTH_WORDS[kind];
  return (
    <section role="status">
      {status?.auth === 'required' && (
        <div class="banner auth" data-testid="auth-bar" data-reason={kind}>
          <Icon name="key" />
          <p>
            <b>{title}</b> {text}
          </p>
          <SignInForm user={user} onSignedIn={onSignedIn} />
        </div>
      )}
    </section>
  );
}

export function UpdateBar({ apply }: { readonly apply: (() => void) | undefined }): JSX.Element {
  return (
    <div role="status">
      {apply && (
        <div class="banner update" data-testid="update-bar">
          <Icon name="refresh" />
          <p>
            <b>New version</b> What you captured is kept.
          </p>
          <button class="button small" data-testid="update" onClick={apply}>
            Reload
          </button>
        </div>
      )}
    </div>
  );
}

/** Shows the browser's loss of data until somebody has read the message. */
export function LossBar({ loss }: { readonly loss: StorageLoss | undefined }): JSX.Element {
  const [read, setRead] = useState(recall('loss'));
  const gone = loss ? loss.unsent - loss.restored : 0;
  return (
    <div role="status">
      {loss && read !== String(loss.at) && (
        <div class="banner auth" data-testid="loss-bar">
          <Icon name="warning" />
          <p>
            <b>This browser lost its stored data</b>{' '}
            {loss.unsent === 0
              ? 'All of it was in Airflow; it is read again.'
              : gone === 0
                ? `All ${loss.unsent} unsent changes are restored.`
                : `${loss.restored} of ${loss.unsent} unsent changes are restored; ` +
                  `${gone} are gone. Please enter them again.`}
          </p>
          <button
            class="button small"
            data-testid="loss-read"
            onClick={() => {
              remember('loss', String(loss.at));
              setRead(String(loss.at));
            }}
          >
            Understood
          </button>
        </div>
      )}
    </div>
  );
}
