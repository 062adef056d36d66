import { didYouMean } from '../../shared/closest.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { UpdraftOptions } from './options.ts';

const KNOWN: Readonly<Record<keyof UpdraftOptions, true>> = {
  airflow: true,
  collections: true,
  transport: true,
  settledRuns: true,
  appVersion: true,
  notifications: true,
  calls: true,
  resolvers: true,
  log: true,
};

/** The address without trailing slashes: `/airflow/` is `/airflow`, and `/` the origin. */
export const airflowOf = ({ airflow }: { readonly airflow: unknown }): string =>
  typeof airflow === 'string' ? airflow.replace(/\/+$/, '') : '';

/** Throws `bad-option` for options that `startUpdraft` does not accept. */
export function checkOptions(options: UpdraftOptions): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(KNOWN, name));
  if (unknown !== undefined)
    throw bad(`there is no option "${unknown}".${didYouMean(unknown, Object.keys(KNOWN))}`);
  const airflow: unknown = options.airflow;
  if (typeof airflow !== 'string' || !/^($|\/|https?:\/\/)/.test(airflow))
    throw bad(
      '"airflow" must be the path of the Airflow API server on this origin, ' +
        'such as "/airflow", or its URL',
    );
  for (const [name, resolver] of Object.entries(options.resolvers ?? {}))
    if (typeof resolver !== 'function')
      throw bad(`"resolvers" must hold functions, and "${name}" is none`);
}

const bad = (why: string): UpdraftError =>
  new UpdraftError('bad-option', `startUpdraft() was called wrongly: ${why}.`);
