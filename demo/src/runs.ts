import type { Row } from '../../client/index.ts';

/**
 * Groups rows by the DAG run that carried them, in the order of the rows; rows without a run are
 * last.
 */
export function byRun<T>(
  rows: readonly Row<T>[],
): readonly { readonly run: string | undefined; readonly rows: readonly Row<T>[] }[] {
  const groups = new Map<string | undefined, Row<T>[]>();
  for (const row of rows) groups.set(row.run, [...(groups.get(row.run) ?? []), row]);
  return [...groups]
    .map(([run, carried]) => ({ run, rows: carried }))
    .sort((a, b) => Number(a.run === undefined) - Number(b.run === undefined));
}

/**
 * Shortens `updraft__<replica>__<epoch>__<number>__<hash>__a1` to the batch's number, by which a
 * person tells runs apart.
 */
export const shortRun = (run: string): string => {
  const [, , , number] = run.split('__');
  return number !== undefined && /^\d+$/.test(number) ? `#${number}` : '';
};
