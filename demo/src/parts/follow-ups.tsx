import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Site } from '../collections.ts';
import type { Tasks } from '../use-live.ts';
import { OrphanedLetters } from './deleted-rows.tsx';
import { TaskRow, type TaskActions } from './task-row.tsx';

interface Props {
  readonly tasks: Tasks;
  readonly sites: readonly Site[];
  readonly actions: TaskActions;
  readonly isHeldUp: boolean;
  /** False until the first pull: until then nobody knows whether there are tasks. */
  readonly isReady: boolean;
}
const PAGE = 6;

/**
 * Tasks that Airflow's scoring created. A tick is on this device at once, and in Airflow with the
 * next exchange.
 */
export function FollowUps({ tasks, sites, actions, isHeldUp, isReady }: Props): JSX.Element {
  const { rows, deadLetters, isRead } = tasks;
  const [shown, setShown] = useState(PAGE);
  const open = rows.filter(({ value }) => !value.done).length;
  const orphans = deadLetters.filter(({ id }) => !rows.some((row) => row.id === id));
  return (
    <section class="card follow-ups" id="follow-ups" aria-labelledby="follow-ups-title">
      <h2 id="follow-ups-title">
        Follow-ups{' '}
        {isRead && isReady && (
          <span class="count" data-testid="open-tasks">
            {open} open
          </span>
        )}
      </h2>
      {orphans.length > 0 && <OrphanedLetters letters={orphans} discard={actions.discardTask} />}
      {rows.length > 0 && (
        <ul class="tasks">
          {rows.slice(0, shown).map((row) => (
            <TaskRow key={row.id} row={row} sites={sites} actions={actions} isHeldUp={isHeldUp} />
          ))}
        </ul>
      )}
      {rows.length > shown && (
        <button
          class="button wide"
          data-testid="more-tasks"
          onClick={() => setShown(shown + PAGE * 5)}
        >
          Show more ({rows.length - shown})
        </button>
      )}
      {isRead && rows.length === 0 && (
        <p class="quiet">
          {isReady
            ? 'Nothing to follow up. When Airflow scores an inspection badly, what ' +
              'to do appears here.'
            : 'What is to be done comes with the first exchange.'}
        </p>
      )}
    </section>
  );
}
