import { defined } from '../../shared/defined.ts';
import * as v from 'valibot';
import { didYouMean } from '../../shared/closest.ts';
import type { CollectionDeclaration } from '../../shared/collections.ts';
import { UpdraftError } from '../../shared/errors.ts';
import { own } from '../../shared/json.ts';
import type { Query } from '../../shared/row.ts';

const text = v.string('a text');
const number = v.pipe(v.number(), v.finite('a finite number'));
/** Limit of values in one query, each of which is a place of its own in the index. */
const VALUES_MAX = 100;
const bound = v.union([v.string(), number], 'a text or a finite number');
const value = v.union([v.string(), number, v.boolean()], 'a text, a finite number, true or false');
const VALUES = `a list of texts, finite numbers, true and false, ${String(VALUES_MAX)} at most`;
const FIELDS = 'an object of fields with a text, a finite number, true, false or null each';
const ROW = 'a row as a query gives it';

const OPTIONS = {
  index: v.exactOptional(text),
  equals: v.exactOptional(value),
  in: v.exactOptional(
    v.pipe(
      v.array(v.union([v.string(), number, v.boolean()], VALUES), VALUES),
      v.maxLength(VALUES_MAX, VALUES),
    ),
  ),
  prefix: v.exactOptional(text),
  from: v.exactOptional(bound),
  to: v.exactOptional(bound),
  missing: v.exactOptional(v.literal(true, 'true')),
  where: v.exactOptional(v.record(v.string(), v.union([value, v.null()], FIELDS), FIELDS)),
  order: v.optional(v.picklist(['ascending', 'descending'], '"ascending" or "descending"')),
  limit: v.optional(
    v.pipe(
      v.number('a whole number from 1'),
      v.integer('a whole number from 1'),
      v.minValue(1, 'a whole number from 1'),
    ),
  ),
  after: v.exactOptional(
    v.object({ id: v.string(ROW), value: v.record(v.string(), v.unknown(), ROW) }, ROW),
  ),
};
const NAMES = Object.keys(OPTIONS);
const QuerySchema = v.object(OPTIONS);
const CONDITIONS = ['equals', 'in', 'prefix', 'from', 'to', 'missing'] as const;

/**
 * Parses a page's query. Throws `bad-query` or `unknown-index` for a query that cannot be answered
 * exactly as asked: a partial answer would pass for the whole.
 */
export function readQuery(
  collection: string,
  { indexes }: CollectionDeclaration,
  asked: Readonly<Record<string, unknown>>,
): Query {
  const unknown = Object.keys(asked).find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw bad(
      `there is no option "${unknown}".${didYouMean(unknown, NAMES)} ` +
        `A query knows ${listed(NAMES)}.`,
    );
  const parsed = v.safeParse(QuerySchema, asked);
  if (!parsed.success) throw badValue(asked, parsed.issues[0]);
  const { order, limit, ...rest } = parsed.output;
  const query: Query = {
    ...rest,
    ...defined({ order, limit }),
  };
  refuseContradictions(query, indexes);
  if (query.index === undefined || query.index === 'id' || indexes.includes(query.index))
    return query;
  const { index } = query;
  throw new UpdraftError(
    'unknown-index',
    `The collection "${collection}" has no index "${index}".${didYouMean(index, indexes)} ` +
      'Declare it in collections.json under "indexes"; ' +
      `declared are: ${listed(['id', ...indexes])}.`,
  );
}

function refuseContradictions(query: Query, indexes: readonly string[]): void {
  const given = CONDITIONS.filter((name) => query[name] !== undefined);
  const [condition] = given;
  const { index = 'id', after } = query;
  if (after && !query.missing && own(Object(after.value), index) === undefined && index !== 'id')
    throw bad(`the row after which to go on has no "${index}". Give the last row of an answer.`);
  if (condition === undefined) return;
  if (query.index === undefined)
    throw bad(
      `"${condition}" needs an "index" to be about, ` +
        `for instance ${JSON.stringify({ index: indexes[0] ?? 'id' })}.`,
    );
  const isRange = given.every((name) => name === 'from' || name === 'to');
  if (given.length > 1 && !isRange)
    throw bad(`${listed(given)} exclude each other. Keep one of them, or "from" with "to".`);
  if (query.missing && query.index === 'id')
    throw bad('every record has an "id": none is missing it.');
}

function badValue(
  asked: Readonly<Record<string, unknown>>,
  issue: v.BaseIssue<unknown>,
): UpdraftError {
  const [name = ''] = (v.getDotPath(issue) ?? '').split('.');
  const given = asked[name];
  const hint =
    given === null
      ? ' Records without the field, or with null in it, are found by { missing: true }.'
      : given === undefined
        ? ' Leave the option out where there is nothing to ask for.'
        : '';
  return bad(`"${name}" is ${shown(given)}; it must be ${issue.message}.${hint}`);
}

/** The kind of a value. The value itself may be personal data and belongs in no message. */
const shown = (value: unknown): string =>
  value === null || value === undefined
    ? String(value)
    : Array.isArray(value)
      ? 'a list'
      : `of type ${typeof value}`;

const listed = (words: readonly string[]): string => words.map((word) => `"${word}"`).join(', ');

const bad = (why: string): UpdraftError =>
  new UpdraftError('bad-query', `The query cannot be answered: ${why}`);
