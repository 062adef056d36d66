import type { JSX } from 'preact';
import type { Status } from '../../../client/index.ts';
import type { Site } from '../collections.ts';
import type { Network } from '../network.ts';
import type { Inspections, Tasks } from '../use-live.ts';
import type { Client } from '../use-updraft.ts';
import { viaNow, waitingNow } from '../waiting-text.ts';
import { ConflictPanel } from './conflict-panel.tsx';
import { ExportLetters } from './export-letters.tsx';
import { FollowUps } from './follow-ups.tsx';
import { Guide } from './guide.tsx';
import { InspectionList } from './inspection-list.tsx';
import type { RowActions } from './inspection-row.tsx';
import { Reports } from './reports.tsx';
import type { TaskActions } from './task-row.tsx';

interface Props {
  readonly client: Client | undefined;
  readonly status: Status | undefined;
  readonly network: Network;
  readonly inspections: Inspections;
  readonly tasks: Tasks;
  readonly sites: readonly Site[];
  readonly actions: RowActions & TaskActions;
  readonly setOffline: (offline: boolean) => void;
}

/** Conflicts, the guide, reports, follow-ups and the list of inspections. */
export function WorkColumn({
  client,
  status,
  network,
  inspections,
  tasks,
  sites,
  actions,
  setOffline,
}: Props): JSX.Element {
  // "Sending" would be a promise while nothing moves; a DAG run at work counts as moving.
  const waiting = status && waitingNow(status);
  const isHeldUp =
    network.offline || (waiting !== undefined && waiting.for !== 'run' && waiting.for !== 'person');

  const isLive = status?.live === true && viaNow(status) !== undefined;

  return (
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
        onNetwork={setOffline}
        onChanged={() => !isLive && void client?.sync()}
      />
      <Reports client={client} isOffline={network.offline} />
      <FollowUps
        tasks={tasks}
        sites={sites}
        actions={actions}
        isHeldUp={isHeldUp}
        isReady={status?.ready ?? false}
      />
      {client && inspections.deadLetters.length > 0 && <ExportLetters client={client} />}
      <InspectionList
        inspections={inspections}
        sites={sites}
        actions={actions}
        isHeldUp={isHeldUp}
      />
    </div>
  );
}
