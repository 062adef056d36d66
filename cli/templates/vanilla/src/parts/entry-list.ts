import type { Row } from 'airflow-updraft/client';
import type { Client } from '../client.ts';
import type { Entry } from '../collections.ts';
import { STATUSES, statusOf, sitesFrom } from '../entries.ts';
import { COLLECTION } from '../settings.ts';
import { CUT_OFF, errorWords, STATE_WORDS } from '../words.ts';
import { attempt, button, element } from './element.ts';

/** A live list: right whatever changes it, here, in another tab or in Airflow. */
export function entryList(client: Client): HTMLElement {
  const find = element('input', { type: 'search' });
  const [note, list] = [element('p'), element('ul', { 'aria-label': 'Entries' })];
  const watch = (): (() => void) =>
    client.collection(COLLECTION).watch(
      sitesFrom(find.value),
      ({ rows }) => {
        note.replaceChildren(...(rows.more ? [CUT_OFF] : []));
        list.replaceChildren(...rows.map((row) => item(client, row)));
      },
      (error) => list.replaceChildren(element('li', { role: 'alert' }, errorWords(error))),
    );
  let stop = watch();
  find.addEventListener('input', () => {
    stop();
    stop = watch();
  });
  return element('div', {}, element('label', {}, 'Find by site', find), note, list);
}

function item(client: Client, { id, value, state }: Row<Entry>): HTMLElement {
  const entries = client.collection(COLLECTION);
  const problem = element('span');
  const choice = element(
    'select',
    { 'aria-label': `Status of ${value.site}` },
    ...STATUSES.map((status) => element('option', {}, status)),
  );
  choice.value = value.status;
  choice.addEventListener('change', () => {
    void attempt(() => entries.patch(id, { status: statusOf(choice.value) }), problem);
  });
  return element(
    'li',
    {},
    element('span', {}, `${value.site} ${value.note ?? ''}`),
    choice,
    element('small', {}, STATE_WORDS[state]),
    button('Delete', () => entries.delete(id)),
    problem,
  );
}
