import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Status } from '../../../client/index.ts';
import { timeText } from '../dates.ts';
import { useNow } from '../use-now.ts';
import type { Client } from '../use-updraft.ts';
import { phaseText, viaNow, waitingNow, waitingText } from '../waiting-text.ts';
import { VIA_WORDS } from '../words.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly client: Client | undefined;
  readonly status: Status | undefined;
  /** Follow-ups not done yet. */
  readonly openTasks: number;
}

/** Answers the question of everybody who hands a device in: is everything in Airflow? */
export function StatusPanel({ client, status, openTasks }: Props): JSX.Element {
  const [isSyncing, setSyncing] = useState(false);
  const sync = async (): Promise<void> => {
    setSyncing(true);
    await client?.sync().catch(() => undefined);
    setSyncing(false);
  };
  // Changes and calls alike: a device with unsent work must not be handed in.
  const left = status && status.unsent + status.pendingCalls;
  const isAllSent = left === 0;
  return (
    <section class={`card status-panel ${isAllSent ? 'all-sent' : 'unsent'}`}>
      <div class="headline" aria-live="polite">
        <span class="seal">{isAllSent ? <Icon name="synced" /> : <Icon name="device" />}</span>
        <div>
          {status && !isAllSent && (
            <h2>
              <span data-testid="unsent-count">{left}</span> not sent yet
            </h2>
          )}
          {isAllSent && (
            <h2 data-testid="all-sent">
              All sent{' '}
              <span data-testid="unsent-count" class="unseen">
                0
              </span>
            </h2>
          )}
          <p class="quiet">
            {status === undefined
              ? 'Opening …'
              : isAllSent
                ? 'Safe to hand in'
                : 'Saved on this device'}
          </p>
        </div>
        <button
          class="button icon-only"
          data-testid="sync"
          title="Send and fetch now"
          aria-label="Send and fetch now"
          disabled={!client || isSyncing}
          onClick={() => void sync()}
        >
          <Icon name="refresh" />
        </button>
      </div>
      {status && <Detail status={status} />}
      {openTasks > 0 && (
        <a class="to-follow-ups" href="#follow-ups">
          <Icon name="tasks" />
          {openTasks === 1 ? '1 follow-up to do' : `${openTasks} follow-ups to do`}
        </a>
      )}
    </section>
  );
}

function Detail({ status }: { readonly status: Status }): JSX.Element {
  const waiting = waitingNow(status);
  const now = useNow(waiting?.until !== undefined);
  const phase = phaseText(status);
  const via = viaNow(status);
  const last =
    status.lastExchangeAt === undefined
      ? 'No exchange with Airflow yet'
      : `Last exchange ${timeText(status.lastExchangeAt)}`;
  return (
    <ul class="details">
      {waiting && (
        <li data-testid="waiting" data-for={waiting.for} data-failures={waiting.failures}>
          <Icon
            name={
              waiting.for === 'network' ? 'offline' : waiting.for === 'person' ? 'person' : 'clock'
            }
          />
          {waitingText(waiting, now)}
          {waiting.message !== undefined && <span class="quiet"> ({waiting.message})</span>}
        </li>
      )}
      {phase && !waiting && (
        <li class="busy" data-testid="phase">
          <Icon name="sending" />
          {phase}
        </li>
      )}
      <li class="quiet" data-testid="last-exchange">
        <Icon name="synced" />
        {last}
      </li>
      {via && (
        <li class="quiet" data-testid="via" data-via={via}>
          <Icon name={status.live ? 'live' : 'clock'} />
          {VIA_WORDS[via]}
        </li>
      )}
    </ul>
  );
}
