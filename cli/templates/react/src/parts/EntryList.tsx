import { useState } from 'react';
import { STATUSES, statusOf, sitesFrom } from '../entries.ts';
import { useQuery, useUpdraft } from '../hooks.ts';
import { COLLECTION } from '../settings.ts';
import { useAction } from '../use-action.ts';
import { CUT_OFF, STATE_WORDS } from '../words.ts';

/** A live list: right whatever changes it, here, in another tab or in Airflow. */
export function EntryList() {
  const [site, setSite] = useState('');
  const { data: rows, error } = useQuery(COLLECTION, sitesFrom(site));
  const { data: updraft } = useUpdraft();
  const [problem, run] = useAction();
  const entries = updraft?.collection(COLLECTION);
  return (
    <>
      {(error || problem) && <p role="alert">{error?.message ?? problem}</p>}
      <label>
        Find by site
        <input type="search" value={site} onChange={({ target }) => setSite(target.value)} />
      </label>
      {rows?.more && <p>{CUT_OFF}</p>}
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
