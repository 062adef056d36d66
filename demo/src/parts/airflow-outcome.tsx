import type { JSX } from 'preact';
import type { Row } from '../../../client/index.ts';
import type { Inspection } from '../collections.ts';
import { outcomeTone, type Tone } from '../outcome-tone.ts';
import { Icon, type IconName } from './icon.tsx';

const ICONS: Readonly<Record<Tone, IconName | undefined>> = {
  good: 'synced',
  warn: 'tasks',
  bad: 'warning',
  calm: undefined,
};

/**
 * The outcome that Airflow's pipeline wrote, in the pipeline's own words. Empty without an outcome:
 * the device cannot know whether there will ever be an outcome.
 */
export function AirflowOutcome({
  row: { id, value, state },
}: {
  readonly row: Row<Inspection>;
}): JSX.Element | null {
  const { score, outcome } = value;
  if (score === undefined && outcome === undefined) return null;
  const icon = outcome === undefined ? undefined : ICONS[outcomeTone(outcome)];
  return (
    <p class="airflow-outcome">
      <span>Airflow:</span>
      {score !== undefined && (
        <span class="score">
          Score <b data-testid={`score-${id}`}>{score}</b>
        </span>
      )}
      {outcome !== undefined && (
        <span class={`verdict tone-${outcomeTone(outcome)}`}>
          {icon && <Icon name={icon} />}
          <span data-testid={`outcome-${id}`}>{outcome}</span>
        </span>
      )}
      {state !== 'synced' && <span>without your change</span>}
    </p>
  );
}
