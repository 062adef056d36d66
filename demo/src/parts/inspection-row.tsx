import type { JSX } from 'preact';
import type { Row } from '../../../client/index.ts';
import { runUrl } from '../airflow.ts';
import type { Inspection, Site } from '../collections.ts';
import { dayText } from '../dates.ts';
import { siteName } from '../draft.ts';
import { problemsOf } from '../validate.ts';
import { STATUS_WORDS } from '../words.ts';
import { AirflowOutcome } from './airflow-outcome.tsx';
import { Icon, type IconName } from './icon.tsx';
import { StateChip } from './state-chip.tsx';

export interface RowActions {
  readonly edit: (row: Row<Inspection>) => void;
  readonly visit: (row: Row<Inspection>) => void;
  readonly remove: (row: Row<Inspection>) => void;
  readonly retry: (id: string) => void;
  readonly discard: (id: string) => void;
}

interface Props {
  readonly row: Row<Inspection>;
  readonly sites: readonly Site[];
  readonly actions: RowActions;
  readonly isHeldUp: boolean;
}

/** An inspection with the record's state, and a person's actions. */
export function InspectionRow({ row, sites, actions, isHeldUp }: Props): JSX.Element {
  const { id, state, rejection, draft } = row;
  const value: Partial<Inspection> = row.value;
  const statusText = value.status ? STATUS_WORDS[value.status] : 'Not rated yet';
  const facts = [
    value.site,
    value.inspected_on && dayText(value.inspected_on),
    value.reading !== undefined && `Reading ${value.reading}`,
    value.visits !== undefined && (value.visits === 1 ? '1 visit' : `${value.visits} visits`),
  ].filter((fact) => typeof fact === 'string');
  return (
    <li class="row" data-testid={`row-${id}`} data-state={state}>
      <div class="row-head">
        <h3>{value.site === undefined ? 'No site yet' : siteName(value.site, sites)}</h3>
        <StateChip state={state} isHeldUp={isHeldUp} />
      </div>
      <p class="facts">
        <span class={`dot dot-${value.status ?? 'none'}`}>{statusText}</span>{' '}
        {facts.map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </p>
      <AirflowOutcome row={row} />
      {value.note && <p class="note">{value.note}</p>}
      {rejection && (
        <p class="rejection">
          <b>Airflow refused it:</b> {rejection}
        </p>
      )}
      {draft && (
        <p class="unfinished" data-testid={`draft-${id}`}>
          <b>Kept here until it is complete:</b> {Object.values(problemsOf(value)).join(' ')}
        </p>
      )}
      <RowButtons row={row} actions={actions} />
    </li>
  );
}

function RowButtons({ row, actions }: Pick<Props, 'row' | 'actions'>): JSX.Element {
  const { id, state, run } = row;
  return (
    <div class="actions">
      <Action id={`edit-${id}`} icon="edit" text="Edit" onClick={() => actions.edit(row)} />
      <Action
        id={`visit-${id}`}
        icon="plus"
        text="1 visit"
        label="One visit more"
        onClick={() => actions.visit(row)}
      />
      {state === 'rejected' ? (
        <>
          <Action
            id={`retry-${id}`}
            icon="refresh"
            text="Try again"
            onClick={() => actions.retry(id)}
          />
          <Action
            id={`discard-${id}`}
            icon="cross"
            text="Discard change"
            onClick={() => actions.discard(id)}
          />
        </>
      ) : (
        <Action
          id={`delete-${id}`}
          icon="trash"
          text="Delete"
          onClick={() => actions.remove(row)}
        />
      )}
      {run && (
        <a
          class="action"
          data-testid={`run-${id}`}
          href={runUrl(run)}
          target="_blank"
          rel="noopener"
        >
          <Icon name="external" /> DAG run
        </a>
      )}
    </div>
  );
}

interface ActionProps {
  readonly id: string;
  readonly icon: IconName;
  readonly text: string;
  readonly label?: string;
  readonly onClick: () => void;
}

function Action({ id, icon, text, label, onClick }: ActionProps): JSX.Element {
  return (
    <button class="action" data-testid={id} aria-label={label} onClick={onClick}>
      <Icon name={icon} /> {text}
    </button>
  );
}
