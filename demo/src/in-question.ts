import type { Conflict } from '../../client/index.ts';

/**
 * Airflow's side of a conflict as a text: equal texts, an unchanged question, though the record may
 * have moved on meanwhile (by a score).
 */
export function inQuestion({ fields, theirs }: Pick<Conflict, 'fields' | 'theirs'>): string {
  return JSON.stringify(fields === '*' ? theirs : fields.map((of) => [of.field, of.theirs]));
}
