import { useConflicts } from 'airflow-updraft/react';
import { entryWords, questionsOf, resolutionOf } from '../decisions.ts';
import { useUpdraft } from '../hooks.ts';
import { useAction } from '../use-action.ts';

/** Asks which value holds where two people changed the same field. */
export function ConflictDialog() {
  const { data: conflicts } = useConflicts();
  const { data: updraft } = useUpdraft();
  const [problem, run] = useAction();
  const conflict = conflicts?.[0];
  if (!conflict || !updraft) return null;
  return (
    <dialog key={`${conflict.id} ${conflict.theirsRevision}`} ref={(dialog) => show(dialog)}>
      <h2>Two people changed {entryWords(conflict)}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const choices = resolutionOf(event.currentTarget);
          void run(() => updraft.resolve(conflict, choices));
        }}
      >
        {questionsOf(conflict).map(({ field, mine, theirs }) => (
          <fieldset key={field}>
            <legend>{field === '*' ? 'The whole entry' : field}</legend>
            <label>
              <input type="radio" name={field} value="mine" required /> Mine: {mine}
            </label>
            <label>
              <input type="radio" name={field} value="theirs" /> In Airflow: {theirs}
            </label>
          </fieldset>
        ))}
        <button>Decide</button>
      </form>
      {problem && <p role="alert">{problem}</p>}
    </dialog>
  );
}

const show = (dialog: HTMLDialogElement | null): void => {
  if (dialog && !dialog.open) dialog.showModal();
};
