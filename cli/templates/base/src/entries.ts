import { newId } from 'airflow-updraft/client';
import type { Entry } from './collections.ts';

export const STATUSES = ['ok', 'watch', 'fail'] as const satisfies readonly Entry['status'][];

/** The status that a choice in a list names. */
export const statusOf = (text: string): Entry['status'] =>
  STATUSES.find((known) => known === text) ?? 'ok';

/** Entries whose site begins with the text, by site: the first 1,000 of them. */
export const sitesFrom = (text: string): { index: 'site'; prefix?: string } =>
  text === '' ? { index: 'site' } : { index: 'site', prefix: text };

/** A new entry, as a form's fields say. */
export function entryOf(form: HTMLFormElement): Entry {
  const data = new FormData(form);
  const [site, status, note] = ['site', 'status', 'note'].map((name) => String(data.get(name)));
  return {
    id: newId(),
    site: site ?? '',
    status: statusOf(status ?? ''),
    ...(note ? { note } : {}),
  };
}
