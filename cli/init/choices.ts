import { didYouMean } from '../../shared/closest.ts';
import { UsageError } from '../usage.ts';

export const TEMPLATES = ['vanilla', 'react', 'vue', 'svelte'] as const;
export type Template = (typeof TEMPLATES)[number];

/** Airflow as the new app reaches it. */
export interface AirflowPlace {
  /** Path on the app's origin. */
  readonly path: string;
  /** Origin that the development server passes the path on to. */
  readonly origin: string;
}

export function templateOf(text: string): Template {
  const template = TEMPLATES.find((known) => known === text);
  if (template) return template;
  const meant = didYouMean(text, TEMPLATES);
  throw new UsageError(`there is no template "${text}".${meant} Known: ${TEMPLATES.join(', ')}.`);
}

const USUAL: AirflowPlace = { path: '/airflow', origin: 'http://localhost:8080' };

/** Reads `/airflow`, `http://localhost:8080` or `http://localhost:8080/airflow`. */
export function airflowOf(text: string): AirflowPlace {
  const url = URL.canParse(text, USUAL.origin) ? new URL(text, USUAL.origin) : undefined;
  const path = url?.pathname.replace(/\/+$/, '');
  if (!url || !/^(\/|https?:\/\/)/.test(text) || !/^[\w./~-]*$/.test(path ?? ''))
    throw new UsageError(
      `"${text}" is no address of Airflow. Write it as http://localhost:8080/airflow.`,
    );
  return { path: path || USUAL.path, origin: url.origin };
}

/** Returns the name of a collection, as worker and Airflow take it. */
export function collectionOf(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(text)) return text;
  throw new UsageError(
    `"${text}" is no collection's name: 1 to 63 letters, digits, _ and -, a letter first.`,
  );
}
