import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Row } from '../../../client/index.ts';
import { AirflowError, runUrl } from '../airflow.ts';
import { CHANGE_DAG, changeInAirflow } from '../change-in-airflow.ts';
import type { Inspection, Site } from '../collections.ts';
import { timeText } from '../dates.ts';
import { siteName } from '../draft.ts';
import type { Inspections } from '../use-live.ts';
import { STATUS_WORDS } from '../words.ts';

interface Props {
  readonly inspections: Inspections;
  readonly sites: readonly Site[];
  /** Whether news from Airflow come by themselves. */
  readonly isLive: boolean;
  readonly onDone: () => void;
}

const RESULT_WORDS = {
  failed: 'The DAG run failed; Airflow’s log says why.',
  slow: 'The DAG run is still under way.',
} as const;

const DONE_WORDS = {
  live: 'Done in Airflow: it shows here by itself.',
  fetched: 'Done in Airflow: this device fetches it now.',
} as const;

/**
 * Changes a record on the other side, so that a single person can see both directions and make a
 * conflict.
 */
export function AirflowChange({ inspections, sites, isLive, onDone }: Props): JSX.Element {
  const [chosen, setChosen] = useState<string>();
  const { change, said, run, isBusy } = useChange(isLive, onDone);
  const known = inspections.rows.filter(({ revision }) => revision > 0);
  // A record with an edit that is not sent yet makes the best conflict.
  const row =
    known.find(({ id }) => id === chosen) ??
    known.find(({ state }) => state === 'local') ??
    known[0];
  const otherStatus = row?.value.status === 'fail' ? 'watch' : 'fail';

  if (!row)
    return (
      <p class="hint">
        Once an inspection is in Airflow, it can be changed here as if from the office.
      </p>
    );
  return (
    <div class="airflow-change">
      <select
        aria-label="Inspection to change"
        data-testid="change-record"
        value={row.id}
        onChange={(event) => setChosen(event.currentTarget.value)}
      >
        {known.slice(0, 50).map(({ id, value }) => (
          <option key={id} value={id}>
            {siteName(value.site, sites)}, {STATUS_WORDS[value.status] ?? value.status}
          </option>
        ))}
      </select>
      <div class="buttons start">
        <button
          class="button small"
          data-testid="change-status"
          disabled={isBusy}
          onClick={() => void change(row, { status: otherStatus })}
        >
          Set {STATUS_WORDS[otherStatus]}
        </button>
        <button
          class="button small"
          data-testid="change-note"
          disabled={isBusy}
          onClick={() => void change(row, { note: `From the office, ${timeText(Date.now())}` })}
        >
          Add a note
        </button>
      </div>
      <p class="hint" aria-live="polite" data-testid="change-said">
        {said}{' '}
        {run && (
          <a href={runUrl(run, CHANGE_DAG)} target="_blank" rel="noopener">
            DAG run
          </a>
        )}
      </p>
    </div>
  );
}

interface Change {
  readonly change: (row: Row<Inspection>, set: Partial<Inspection>) => Promise<void>;
  /** Progress or result of the last change, in words. */
  readonly said: string | undefined;
  readonly run: string | undefined;
  readonly isBusy: boolean;
}

/** Changes records by a DAG run, and tells the progress. */
function useChange(isLive: boolean, onDone: () => void): Change {
  const [said, setSaid] = useState<string>();
  const [run, setRun] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  const change = async ({ id }: Row<Inspection>, set: Partial<Inspection>): Promise<void> => {
    setBusy(true);
    setRun(undefined);
    setSaid('A DAG run changes it …');
    try {
      const { step, run: made } = await changeInAirflow(id, set);
      setRun(made);
      setSaid(step === 'done' ? DONE_WORDS[isLive ? 'live' : 'fetched'] : RESULT_WORDS[step]);
      onDone();
    } catch (error) {
      setSaid(
        error instanceof AirflowError
          ? error.kind === 'missing'
            ? `This Airflow has no DAG ${CHANGE_DAG}.`
            : error.message
          : String(error),
      );
    } finally {
      setBusy(false);
    }
  };
  return { change, said, run, isBusy };
}
