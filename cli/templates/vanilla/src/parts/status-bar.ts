import type { Status } from 'airflow-updraft/client';
import type { Client } from '../client.ts';
import { leave, openSignIn, signedIn, user } from '../updraft.ts';
import { needsSignIn, statusWords } from '../words.ts';
import { button, element } from './element.ts';

/** Says what is not in Airflow yet, and why; signs in and out. */
export function statusBar(client: Client): HTMLElement {
  const words = element('p', { role: 'status' }, 'Opening …');
  const signIn = element(
    'span',
    {},
    button('Sign in to Airflow', openSignIn),
    button('I have signed in', signedIn),
  );
  const show = (status: Status): void => {
    words.textContent = statusWords(status);
    signIn.hidden = !needsSignIn(status);
  };
  client.on('status', show);
  void client.status().then(show);
  return element('div', { class: 'bar' }, words, signIn, button(`Sign out ${user}`, leave));
}
