import { connect, type Query, type Updraft } from '../../client/index.ts';
import type { Collections } from '../../demo/src/collections.ts';

declare global {
  interface Window {
    /** Shows and hides the part of the page that reads. */
    toggle?: () => void;
    /** Chooses the site whose inspections are shown; `?` asks by an index that there is not. */
    choose?: (site: string) => void;
  }
}

/** The query of a site; `?` asks by an index that the compiler would not allow. */
export const queryOf = (site: string): Query<Collections['inspections']> => ({
  index: site === '?' ? ('no-such-index' as 'site') : 'site',
  equals: site,
});

/** The record that the page follows by its id. */
export const followed =
  (typeof window !== 'undefined' && new URLSearchParams(location.search).get('record')) || 'none';

/** Words for a number of things, or for none read yet. */
export const count = (list: readonly unknown[] | undefined): string =>
  list ? String(list.length) : 'not read';

/** Words for an error of any reading. */
export const problem = (...errors: readonly ({ kind: string } | undefined)[]): string =>
  errors.flatMap((error) => error?.kind ?? []).join(' ');

/** The connected client; on a server there is none. */
export const updraft: Promise<Updraft<Collections>> | undefined =
  typeof window === 'undefined'
    ? undefined
    : connect<Collections>({ worker: workerOf(location.search), user: 'ana' });
updraft?.then(
  (client) => (window.updraft = client),
  () => undefined,
);

function workerOf(search: string): string {
  return (
    new URLSearchParams(search).get('worker') ??
    '/updraft-sw.js?airflow=/airflow&collections=/collections.json'
  );
}
