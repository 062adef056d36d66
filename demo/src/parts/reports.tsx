import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { CallEntry } from '../../../client/index.ts';
import { errorText } from '../error-text.ts';
import { useCalls } from '../use-calls.ts';
import { useNow } from '../use-now.ts';
import type { Client } from '../use-updraft.ts';
import { Approval } from './approval.tsx';
import { CallRow } from './call-row.tsx';
import { Icon } from './icon.tsx';

const SHOWN_MAX = 4;

/**
 * Requests of a person to Airflow and of Airflow to a person; both wait here for a network if
 * necessary.
 */
export function Reports({
  client,
  isOffline,
}: {
  readonly client: Client | undefined;
  readonly isOffline: boolean;
}): JSX.Element {
  const { calls, pending } = useCalls(client);
  const [problem, setProblem] = useState<string>();
  const now = useNow(pending.inputs.length > 0);
  const act = (work: (open: Client) => Promise<unknown>): void => {
    if (!client) return;
    setProblem(undefined);
    work(client).catch((error: unknown) => setProblem(errorText(error)));
  };
  const trigger = (dagId: string): void =>
    act((open) =>
      open.airflow.triggerDagRun(dagId, { note: 'Asked for on a device in the field.' }),
    );
  const open = pending.inputs.filter(({ answeredBy }) => answeredBy === undefined);
  const notShown = (pending.notShown ?? []).reduce((sum, { count }) => sum + count, 0);
  return (
    <section class="card reports" aria-labelledby="reports-title">
      <h2 id="reports-title">Reports</h2>
      {open.map((input) => (
        <Approval
          key={input.taskInstanceId}
          input={input}
          now={now}
          seenAt={pending.seenAt}
          isOffline={isOffline}
          onChoose={(option) => act(({ airflow }) => airflow.respond(input, { chosen: [option] }))}
        />
      ))}
      {notShown > 0 && <p class="quiet">{notShown} more wait in Airflow and are not shown here.</p>}
      <ReportButtons onTrigger={trigger} />
      {problem !== undefined && <p class="rejection">{problem}</p>}
      {calls.length === 0 ? (
        <p class="quiet">
          Ask for a report with or without a network: Airflow makes it once, and you see here what
          became of it.
        </p>
      ) : (
        <CallList calls={calls} isOffline={isOffline} act={act} />
      )}
    </section>
  );
}

function ReportButtons({
  onTrigger,
}: {
  readonly onTrigger: (dagId: string) => void;
}): JSX.Element {
  return (
    <div class="report-buttons">
      <button
        class="button"
        data-testid="trigger-daily_report"
        onClick={() => onTrigger('daily_report')}
      >
        <Icon name="plus" /> Daily report
      </button>
      <button
        class="button"
        data-testid="trigger-publish_report"
        onClick={() => onTrigger('publish_report')}
      >
        <Icon name="external" /> Publish it
      </button>
    </div>
  );
}

interface ListProps {
  readonly calls: readonly CallEntry[];
  readonly isOffline: boolean;
  readonly act: (work: (open: Client) => Promise<unknown>) => void;
}

function CallList({ calls, isOffline, act }: ListProps): JSX.Element {
  return (
    <ul class="calls" data-testid="calls">
      {calls
        .slice(-SHOWN_MAX)
        .reverse()
        .map((call) => (
          <CallRow
            key={call.id}
            call={call}
            isOffline={isOffline}
            onRetry={() => act(({ airflow }) => airflow.retry(call.id))}
            onDiscard={() => act(({ airflow }) => airflow.discard(call.id))}
          />
        ))}
    </ul>
  );
}
