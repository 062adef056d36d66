import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Row } from '../../../client/index.ts';
import type { Site, Task } from '../collections.ts';
import { siteName } from '../draft.ts';
import type { TaskActions } from './follow-ups.tsx';
import { Icon } from './icon.tsx';
import { StateChip } from './state-chip.tsx';

interface Props {
  readonly row: Row<Task>;
  readonly sites: readonly Site[];
  readonly actions: TaskActions;
  readonly isHeldUp: boolean;
}

/** One follow-up; the whole line ticks it off. */
export function TaskRow({ row, sites, actions, isHeldUp }: Props): JSX.Element {
  const { id, value, state, rejection } = row;
  // The box keeps what was just chosen until the device has been read again; a choice that could not be stored is taken back.
  const [chosen, setChosen] = useState<boolean>();
  useEffect(() => setChosen(undefined), [value.done]);
  const tick = async (done: boolean): Promise<void> => {
    setChosen(done);
    if (!(await actions.tick(row, done))) setChosen(undefined);
  };
  return (
    <li data-testid={`task-${id}`} data-state={state} data-done={value.done}>
      <div class="task">
        <label class="check">
          <input type="checkbox" data-testid={`task-done-${id}`} checked={chosen ?? value.done} onChange={(event) => void tick(event.currentTarget.checked)} />
          <span>
            <b>{value.title}</b>
            <small>{siteName(value.site, sites)}</small>
          </span>
        </label>
        <StateChip state={state} isHeldUp={isHeldUp} />
      </div>
      {rejection && (
        <>
          <p class="rejection">
            <b>Airflow refused it:</b> {rejection}
          </p>
          <div class="actions">
            <button class="action" data-testid={`discard-task-${id}`} onClick={() => actions.discardTask(id)}>
              <Icon name="cross" /> Discard change
            </button>
          </div>
        </>
      )}
    </li>
  );
}
