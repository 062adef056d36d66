import { STATUSES, statusOf } from '../entries.ts';
import { useQuery, useUpdraft } from '../hooks.ts';
import { COLLECTION } from '../settings.ts';
import { useAction } from '../use-action.ts';
import { STATE_WORDS } from '../words.ts';

/** A live list: right whatever changes it, here, in another tab or in Airflow. */
export function EntryList() {
  const { data: rows, error } = useQuery(COLLECTION, { index: 'site' });
  const { data: updraft } = useUpdraft();
  const [problem, run] = useAction();
  const entries = updraft?.collection(COLLECTION);
  return (
    <>
      {(error || problem) && <p role="alert">{error?.message ?? problem}</p>}
      <ul aria-label="Entries">
        {rows?.map(({ id, value, state }) => (
          <li key={id}>
            <span>
              {value.site} {value.note}
            </span>
            <select
              aria-label={`Status of ${value.site}`}
              value={value.status}
              onChange={({ target }) => {
                const status = statusOf(target.value);
                void run(async () => entries?.patch(id, { status }));
              }}
            >
              {STATUSES.map((status) => (
                <option key={status}>{status}</option>
              ))}
            </select>
            <small>{STATE_WORDS[state]}</small>
            <button
              aria-label={`Delete ${value.site}`}
              onClick={() => void run(async () => entries?.delete(id))}
            >
              Delete
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
