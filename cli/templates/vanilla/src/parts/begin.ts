import { beginAs } from '../updraft.ts';
import { element } from './element.ts';

/** Asks once who uses this device. */
export function begin(): HTMLElement {
  const name = element('input', { name: 'name', required: '', autocomplete: 'username' });
  const form = element(
    'form',
    {},
    element('label', {}, 'Your user name in Airflow', name),
    element('button', {}, 'Begin'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    beginAs(name.value);
  });
  return form;
}
