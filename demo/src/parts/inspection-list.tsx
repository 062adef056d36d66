import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Site } from '../collections.ts';
import type { Inspections } from '../use-live.ts';
import { DeletedRows, OrphanedLetters } from './deleted-rows.tsx';
import { InspectionRow, type RowActions } from './inspection-row.tsx';
import { SentByRun } from './sent-by-run.tsx';

interface Props {
  readonly inspections: Inspections;
  readonly sites: readonly Site[];
  readonly actions: RowActions;
  readonly isHeldUp: boolean;
}
const FILTERS = { all: 'All', unsent: 'Not sent', person: 'Needs you', sent: 'Sent' } as const;
type Filter = keyof typeof FILTERS;

const EMPTY_WORDS: Readonly<Record<Filter, string>> = {
  all: 'No inspections yet. The first one you save appears here at once.',
  unsent: 'Nothing waits on this device.',
  person: 'Nothing needs your decision.',
  sent: 'Nothing is in Airflow yet.',
};
const PAGE = 40;

export function InspectionList({ inspections, sites, actions, isHeldUp }: Props): JSX.Element {
  const [filter, setFilter] = useState<Filter>('all');
  const [shown, setShown] = useState(PAGE);
  const { rows, outbox, deadLetters } = inspections;
  const of: Readonly<Record<Filter, typeof rows>> = {
    all: rows,
    unsent: rows.filter(({ state }) => state !== 'synced'),
    person: rows.filter(({ state }) => ['conflict', 'rejected', 'draft'].includes(state)),
    sent: rows.filter(({ state }) => state === 'synced'),
  };
  const deleted = outbox.filter(({ op, state }) => op === 'delete' && state !== 'rejected');
  const orphans = deadLetters.filter(({ id }) => !rows.some((row) => row.id === id));
  const chosen = of[filter];
  const hasRuns = chosen.some(({ run }) => run !== undefined);
  const isEmpty =
    chosen.length === 0 && (filter === 'sent' || (deleted.length === 0 && orphans.length === 0));
  return (
    <section class="list" aria-labelledby="list-title">
      <div class="list-head">
        <h2 id="list-title">Inspections</h2>
        <div class="segments" role="group" aria-label="Show">
          {(Object.keys(FILTERS) as Filter[]).map((name) => (
            <button
              key={name}
              data-testid={`filter-${name}`}
              aria-pressed={filter === name}
              onClick={() => setFilter(name)}
            >
              {FILTERS[name]} <span class="count">{of[name].length}</span>
            </button>
          ))}
        </div>
      </div>
      {filter !== 'sent' && <OrphanedLetters letters={orphans} discard={actions.discard} />}
      {(filter === 'all' || filter === 'unsent') && <DeletedRows entries={deleted} />}
      {filter === 'sent' && hasRuns ? (
        <SentByRun rows={chosen} sites={sites} />
      ) : (
        <ul class="rows">
          {chosen.slice(0, shown).map((row) => (
            <InspectionRow
              key={row.id}
              row={row}
              sites={sites}
              actions={actions}
              isHeldUp={isHeldUp}
            />
          ))}
        </ul>
      )}
      {!(filter === 'sent' && hasRuns) && chosen.length > shown && (
        <button
          class="button wide"
          data-testid="show-more"
          onClick={() => setShown(shown + PAGE * 5)}
        >
          Show more ({chosen.length - shown})
        </button>
      )}
      {inspections.isRead && isEmpty && <p class="empty">{EMPTY_WORDS[filter]}</p>}
    </section>
  );
}
