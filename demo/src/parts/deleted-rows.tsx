import type { JSX } from 'preact';
import type { MutationLetter, OutboxEntry } from '../../../client/index.ts';
import { Icon } from './icon.tsx';

/**
 * Deletions that are not in Airflow yet: such a record has no row on this device any more, and the
 * pending deletion must show.
 */
export function DeletedRows({
  entries,
}: {
  readonly entries: readonly OutboxEntry[];
}): JSX.Element | null {
  if (entries.length === 0) return null;
  return (
    <p class="line" data-testid="deleted-count" data-count={entries.length}>
      <Icon name="trash" />
      {entries.length === 1 ? '1 deletion is' : `${entries.length} deletions are`} not in Airflow
      yet
    </p>
  );
}

/**
 * Refused changes of records that have no row here: a refused deletion, or a record that Airflow
 * removed.
 */
export function OrphanedLetters({
  letters,
  discard,
}: {
  readonly letters: readonly MutationLetter[];
  readonly discard: (id: string) => void;
}): JSX.Element {
  return (
    <ul class="rows">
      {letters.map(({ id, reason }) => (
        <li class="row" key={id} data-testid={`dead-letter-${id}`}>
          <p class="rejection">
            <b>Airflow refused a deletion:</b> {reason.message}
          </p>
          <div class="actions">
            <button class="action" data-testid={`discard-${id}`} onClick={() => discard(id)}>
              <Icon name="cross" /> Keep the record
            </button>
          </div>
        </li>
      ))}
    </ul>
  );
}
