import type { Conflict } from 'airflow-updraft/client';
import type { Client } from '../client.ts';
import { entryWords, questionsOf, resolutionOf, type Question } from '../decisions.ts';
import { attempt, element } from './element.ts';

/** Asks which value holds where two people changed the same field. */
export function conflictDialog(client: Client): HTMLElement {
  const dialog = element('dialog');
  let shown = '';
  const refresh = async (): Promise<void> => {
    const [conflict] = await client.conflicts();
    const newest = conflict ? `${conflict.id} ${conflict.theirsRevision}` : '';
    if (newest === shown) return;
    shown = newest;
    dialog.close();
    if (!conflict) return;
    dialog.replaceChildren(
      element('h2', {}, `Two people changed ${entryWords(conflict)}`),
      formOf(client, conflict),
    );
    dialog.showModal();
  };
  const look = (): void => void refresh().catch(reportError);
  client.on('conflict', look);
  client.on('change', look);
  // The dialog is in the page before the first conflict is read.
  look();
  return dialog;
}

function formOf(client: Client, conflict: Conflict): HTMLElement {
  const problem = element('p');
  const form = element(
    'form',
    {},
    ...questionsOf(conflict).map(fieldset),
    element('button', {}, 'Decide'),
    problem,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void attempt(() => client.resolve(conflict, resolutionOf(form)), problem);
  });
  return form;
}

function fieldset({ field, mine, theirs }: Question): HTMLElement {
  const radio = (value: string): HTMLElement =>
    element('input', { type: 'radio', name: field, value, required: '' });
  return element(
    'fieldset',
    {},
    element('legend', {}, field === '*' ? 'The whole entry' : field),
    element('label', {}, radio('mine'), `Mine: ${mine}`),
    element('label', {}, radio('theirs'), `In Airflow: ${theirs}`),
  );
}
