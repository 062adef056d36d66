import { Validator, type Schema } from '@cfworker/json-schema';
import file from '../collections.json';

const schema = file.collections.inspections.schema;
const validator = new Validator(schema as Schema, '2020-12', false);

/** Field → problem, in words for the person who fills the form in. */
export type Problems = Readonly<Record<string, string>>;

type Rule = { readonly [keyword: string]: unknown };
const rules = schema.properties as Readonly<Record<string, Rule>>;

/**
 * Checks a record against the JSON Schema that Airflow checks too, so that every rejection the
 * schema explains comes at once.
 */
export function problemsOf(record: Readonly<Record<string, unknown>>): Problems {
  const missing = schema.required.filter(
    (field) => record[field] === undefined || record[field] === '',
  );
  const problems: Record<string, string> = {};
  for (const { keyword, instanceLocation } of validator.validate(record).errors) {
    const field = instanceLocation.split('/')[1];
    if (field !== undefined && problems[field] === undefined)
      problems[field] = wordsOf(keyword, rules[field] ?? {});
  }
  for (const field of missing) problems[field] = MISSING_WORDS[field] ?? 'Needed.';
  return problems;
}

const MISSING_WORDS: Readonly<Record<string, string>> = {
  site: 'Choose a site.',
  status: 'Choose how it looks.',
};

function wordsOf(keyword: string, rule: Rule): string {
  switch (keyword) {
    case 'type':
      return rule['type'] === 'integer'
        ? 'Enter a whole number.'
        : rule['type'] === 'number'
          ? 'Enter a number.'
          : 'Enter text.';
    case 'minimum':
      return `At least ${String(rule['minimum'])}.`;
    case 'maximum':
      return `At most ${String(rule['maximum'])}.`;
    case 'maxLength':
      return `At most ${String(rule['maxLength'])} characters.`;
    case 'format':
      return rule['format'] === 'date' ? 'Enter a date.' : 'Not in the right form.';
    case 'enum':
      return 'Choose one of these.';
    default:
      return 'Not allowed here.';
  }
}

/** Returns the problem of a single value. */
export function problemOf(field: string, value: unknown): string | undefined {
  return problemsOf({ id: 'x', site: 'x', status: 'ok', [field]: value })[field];
}
