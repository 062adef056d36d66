import type { Conflict } from '../../client/index.ts';

/** What a conflict asks about, as Airflow has it: equal texts, the same question, though the record may have moved on (a score came) meanwhile. */
export function inQuestion({ fields, theirs }: Pick<Conflict, 'fields' | 'theirs'>): string {
  return JSON.stringify(fields === '*' ? theirs : fields.map((of) => [of.field, of.theirs]));
}
