import type { JSX } from 'preact';
import type { Row } from '../../../client/index.ts';
import { runUrl } from '../airflow.ts';
import type { Inspection, Site } from '../collections.ts';
import { siteName } from '../draft.ts';
import { byRun, shortRun } from '../runs.ts';
import { STATUS_WORDS } from '../words.ts';
import { Icon } from './icon.tsx';

/** Records in Airflow by DAG run: each batch is carried by a run. */
export function SentByRun({
  rows,
  sites,
}: {
  readonly rows: readonly Row<Inspection>[];
  readonly sites: readonly Site[];
}): JSX.Element {
  return (
    <ul class="rows" data-testid="sent">
      {byRun(rows).map(({ run, rows: carried }) => (
        <li class="row" key={run ?? 'elsewhere'}>
          <div class="row-head">
            <h3>{carried.length === 1 ? '1 inspection' : `${carried.length} inspections`}</h3>
            {run && (
              <a class="action" href={runUrl(run)} target="_blank" rel="noopener">
                <Icon name="external" /> DAG run {shortRun(run)}
              </a>
            )}
          </div>
          <p class="facts">
            {run
              ? 'Sent from this device in one batch'
              : 'Without a DAG run of this device: by Airflow’s plugin, or captured elsewhere'}
          </p>
          <ul class="carried">
            {carried.map(({ id, value }) => (
              <li key={id} data-testid={`sent-${id}`}>
                <span class={`dot dot-${value.status}`}>
                  {STATUS_WORDS[value.status] ?? value.status}
                </span>{' '}
                {siteName(value.site, sites)}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
