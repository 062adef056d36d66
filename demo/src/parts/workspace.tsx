import type { JSX } from 'preact';
import type { Session } from '../airflow.ts';
import { errorText } from '../error-text.ts';
import { useNetwork } from '../network.ts';
import { useInspections, useSites, useTasks } from '../use-live.ts';
import { useRowActions } from '../use-row-actions.ts';
import { useSignIn } from '../use-sign-in.ts';
import { useUpdraft } from '../use-updraft.ts';
import { Account } from './account.tsx';
import { AuthBar, LossBar, OfflineBanner, UpdateBar } from './banners.tsx';
import { Brand } from './brand.tsx';
import { CaptureForm } from './capture-form.tsx';
import { EditDialog } from './edit-dialog.tsx';
import { Notice } from './notice.tsx';
import { StatusPanel } from './status-panel.tsx';
import { WorkColumn } from './work-column.tsx';

interface Props {
  readonly registration: ServiceWorkerRegistration;
  readonly user: string;
  /** A sign-in that was just made. */
  readonly session: Session | undefined;
  readonly update: (() => void) | undefined;
  readonly onSignedIn: (session: Session) => void;
  readonly onLeave: () => void;
}

/** A person's work on this device. */
export function Workspace({
  registration,
  user,
  session,
  update,
  onSignedIn,
  onLeave,
}: Props): JSX.Element {
  const { client, status, authReason, error } = useUpdraft(registration, user, onLeave);
  const network = useNetwork(registration);
  const inspections = useInspections(client);
  const tasks = useTasks(client);
  const sites = useSites(client);
  const { actions, edited, closeEdit, notice, closeNotice } = useRowActions(client);
  const isSigningIn = useSignIn(client, session);
  const setOffline = async (offline: boolean): Promise<void> => {
    await network.setSimulated(offline);
    if (!offline) await client?.sync();
  };

  return (
    <div class="app">
      <header class="top">
        <Brand isTitle />
        <Account user={user} client={client} status={status} onLeave={onLeave} />
      </header>
      <OfflineBanner network={network} onReconnect={() => void setOffline(false)} />
      {!isSigningIn && (
        <AuthBar user={user} status={status} reason={authReason} onSignedIn={onSignedIn} />
      )}
      <UpdateBar apply={update} />
      <LossBar loss={status?.storageLost} />
      {error !== undefined && <p class="banner problem">{errorText(error)}</p>}
      <main>
        <div class="left">
          <StatusPanel
            client={client}
            status={status}
            openTasks={tasks.rows.filter(({ value }) => !value.done).length}
          />
          <CaptureForm client={client} sites={sites} />
        </div>
        <WorkColumn
          client={client}
          status={status}
          network={network}
          inspections={inspections}
          tasks={tasks}
          sites={sites}
          actions={actions}
          setOffline={(offline) => void setOffline(offline)}
        />
      </main>
      {client && edited && (
        <EditDialog
          key={edited.id}
          client={client}
          row={edited}
          sites={sites}
          onClose={closeEdit}
        />
      )}
      <Notice notice={notice} onClose={closeNotice} />
    </div>
  );
}
