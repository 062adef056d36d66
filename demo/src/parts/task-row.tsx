import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Row } from '../../../client/index.ts';
import type { Site, Task } from '../collections.ts';
import { siteName } from '../draft.ts';
import { Icon } from './icon.tsx';
import { StateChip } from './state-chip.tsx';

export interface TaskActions {
  /** False if the tick could not be stored; the person is told why. */
  readonly tick: (row: Row<Task>, done: boolean) => Promise<boolean>;
  readonly discardTask: (id: string) => void;
}

interface Props {
  readonly row: Row<Task>;
  readonly sites: readonly Site[];
  readonly actions: TaskActions;
  readonly isHeldUp: boolean;
}

/** A follow-up; a tap anywhere on the line ticks the task off. */
export function TaskRow({ row, sites, actions, isHeldUp }: Props): JSX.Element {
  const { id, value, state, rejection } = row;
  // The box keeps the person's choice until the device has been read again; a choice that could not
  // be stored is taken back.
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
          <input
            type="checkbox"
            data-testid={`task-done-${id}`}
            checked={chosen ?? value.done}
            onChange={(event) => void tick(event.currentTarget.checked)}
          />
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
            <button
              class="action"
              data-testid={`discard-task-${id}`}
              onClick={() => actions.discardTask(id)}
            >
              <Icon name="cross" /> Discard change
            </button>
          </div>
        </>
      )}
    </li>
  );
}
