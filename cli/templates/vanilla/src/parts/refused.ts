import type { MutationLetter } from 'airflow-updraft/client';
import type { Client } from '../client.ts';
import { COLLECTION } from '../settings.ts';
import { button, element } from './element.ts';

/** Changes that Airflow refused: kept until a person decides. */
export function refused(client: Client): HTMLElement {
  const place = element('div');
  const refresh = async (): Promise<void> => {
    const letters = (await client.deadLetters()).filter(({ kind }) => kind === 'mutation');
    place.replaceChildren(...letters.map((letter) => item(client, letter as MutationLetter)));
  };
  const look = (): void => void refresh().catch(reportError);
  client.on('dead-letter', look);
  client.on('change', look);
  look();
  return place;
}

const item = (client: Client, letter: MutationLetter): HTMLElement =>
  element(
    'div',
    { class: 'problem' },
    element('p', {}, `Airflow refused a change: ${letter.reason.message}`),
    button('Try again', () => client.retry(letter)),
    button('Give it up', () => client.discard(COLLECTION, letter.id)),
  );
