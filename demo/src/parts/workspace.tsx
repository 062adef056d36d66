import type { JSX } from 'preact';
import type { Session } from '../airflow.ts';
import { errorText } from '../error-text.ts';
import { useNetwork } from '../network.ts';
import { useInspections, useSites, useTasks } from '../use-live.ts';
import { useRowActions } from '../use-row-actions.ts';
import { useSignIn } from '../use-sign-in.ts';
import { useUpdraft } from '../use-updraft.ts';
import { viaNow, waitingNow } from '../waiting-text.ts';
import { Account } from './account.tsx';
import { AuthBar, LossBar, OfflineBanner, UpdateBar } from './banners.tsx';
import { Brand } from './brand.tsx';
import { CaptureForm } from './capture-form.tsx';
import { ConflictPanel } from './conflict-panel.tsx';
import { ExportLetters } from './export-letters.tsx';
import { EditDialog } from './edit-dialog.tsx';
import { FollowUps } from './follow-ups.tsx';
import { Guide } from './guide.tsx';
import { InspectionList } from './inspection-list.tsx';
import { Notice } from './notice.tsx';
import { Reports } from './reports.tsx';
import { StatusPanel } from './status-panel.tsx';

interface Props {
  readonly registration: ServiceWorkerRegistration;
  readonly user: string;
  /** A sign-in that was just made. */
  readonly session: Session | undefined;
  readonly update: (() => void) | undefined;
  readonly onSignedIn: (session: Session) => void;
  readonly onLeave: () => void;
}

/** One person's work on this device. */
export function Workspace({ registration, user, session, update, onSignedIn, onLeave }: Props): JSX.Element {
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

  // "Sending" would be a promise where nothing moves; while a DAG run works on it, it does move.
  const waiting = status && waitingNow(status);
  const isHeldUp = network.offline || (waiting !== undefined && waiting.for !== 'run' && waiting.for !== 'person');

  const isLive = status !== undefined && viaNow(status) === 'plugin';

  return (
    <div class="app">
      <header class="top">
        <Brand isTitle />
        <Account user={user} client={client} status={status} onLeave={onLeave} />
      </header>
      <OfflineBanner network={network} onReconnect={() => void setOffline(false)} />
      {!isSigningIn && <AuthBar user={user} status={status} reason={authReason} onSignedIn={onSignedIn} />}
      <UpdateBar apply={update} />
      <LossBar loss={status?.storageLost} />
      {error !== undefined && <p class="banner problem">{errorText(error)}</p>}
      <main>
        <div class="left">
          <StatusPanel client={client} status={status} openTasks={tasks.rows.filter(({ value }) => !value.done).length} />
          <CaptureForm client={client} sites={sites} />
        </div>
        <div class="right">
          {client &&
            [...inspections.conflicts, ...tasks.conflicts].map((conflict) => (
              <ConflictPanel key={conflict.id} client={client} conflict={conflict} sites={sites} />
            ))}
          <Guide
            network={network}
            inspections={inspections}
            sites={sites}
            isLive={isLive}
            onNetwork={(offline) => void setOffline(offline)}
            onChanged={() => !isLive && void client?.sync()}
          />
          <Reports client={client} isOffline={network.offline} />
          <FollowUps tasks={tasks} sites={sites} actions={actions} isHeldUp={isHeldUp} isReady={status?.ready ?? false} />
          {client && inspections.deadLetters.length > 0 && <ExportLetters client={client} />}
          <InspectionList inspections={inspections} sites={sites} actions={actions} isHeldUp={isHeldUp} />
        </div>
      </main>
      {client && edited && <EditDialog key={edited.id} client={client} row={edited} sites={sites} onClose={closeEdit} />}
      <Notice notice={notice} onClose={closeNotice} />
    </div>
  );
}
