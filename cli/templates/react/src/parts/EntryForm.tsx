import { entryOf, STATUSES } from '../entries.ts';
import { useUpdraft } from '../hooks.ts';
import { COLLECTION } from '../settings.ts';
import { useAction } from '../use-action.ts';

/** Captures an entry, with or without a network. */
export function EntryForm() {
  const { data: updraft } = useUpdraft();
  const [problem, run] = useAction();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        // The entry is on disk as soon as this resolves.
        void run(async () => updraft?.collection(COLLECTION).put(entryOf(form))).then(
          (isSaved) => isSaved && form.reset(),
        );
      }}
    >
      <label>
        Site
        <input name="site" required maxLength={120} />
      </label>
      <label>
        Status
        <select name="status">
          {STATUSES.map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      </label>
      <label>
        Note
        <input name="note" maxLength={2000} />
      </label>
      <button disabled={!updraft}>Save</button>
      {problem && <p role="alert">{problem}</p>}
    </form>
  );
}
