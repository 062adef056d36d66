import type { Conflict, Resolution } from 'airflow-updraft/client';

/** A field that two people changed, with both values in words. */
export interface Question {
  readonly field: string;
  readonly mine: string;
  readonly theirs: string;
}

const words = (value: unknown): string =>
  value === undefined || value === null ? '(nothing)' : String(value);

/** The entry in question, in words. */
export const entryWords = ({ mine, theirs, base, recordId }: Conflict): string =>
  String((mine ?? theirs ?? base)?.['site'] ?? recordId);

/** The questions of a conflict; `*` is the record as a whole, which one side has deleted. */
export function questionsOf({ fields, mine, theirs }: Conflict): readonly Question[] {
  if (fields !== '*')
    return fields.map((of) => ({
      field: of.field,
      mine: words(of.mine),
      theirs: words(of.theirs),
    }));
  const whole = (record: object | null): string => (record ? 'keep it' : 'delete it');
  return [{ field: '*', mine: whole(mine), theirs: whole(theirs) }];
}

/** The decisions of a form whose radio buttons are named after the fields. */
export const resolutionOf = (form: HTMLFormElement): Resolution =>
  Object.fromEntries(
    [...new FormData(form)].map(([field, take]) => [
      field,
      { take: take === 'mine' ? 'mine' : 'theirs' } as const,
    ]),
  );
