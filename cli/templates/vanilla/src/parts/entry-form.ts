import type { Client } from '../client.ts';
import { entryOf, STATUSES } from '../entries.ts';
import { COLLECTION } from '../settings.ts';
import { attempt, element } from './element.ts';

/** Captures an entry, with or without a network. */
export function entryForm(client: Client): HTMLElement {
  const problem = element('p');
  const statuses = STATUSES.map((status) => element('option', {}, status));
  const form = element(
    'form',
    {},
    element(
      'label',
      {},
      'Site',
      element('input', { name: 'site', required: '', maxlength: '120' }),
    ),
    element('label', {}, 'Status', element('select', { name: 'status' }, ...statuses)),
    element('label', {}, 'Note', element('input', { name: 'note', maxlength: '2000' })),
    element('button', {}, 'Save'),
    problem,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    // The entry is on disk as soon as this resolves.
    void attempt(() => client.collection(COLLECTION).put(entryOf(form)), problem).then(
      (isSaved) => isSaved && form.reset(),
    );
  });
  return form;
}
