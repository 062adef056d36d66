import { Validator, type OutputUnit, type Schema } from '@cfworker/json-schema';
import type { Doc } from '../../shared/json.ts';
import type { Reason } from '../../shared/verdict.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** The draft that the provider takes for a schema that names none. */
const DRAFT = '2020-12';
/** Formats on which this validator and the server's agree; the others are left to the server. */
const FORMATS = (
  'date time date-time duration email hostname ipv4 ipv6 uuid ' +
  'json-pointer relative-json-pointer'
).split(' ');

/** Compiled once for each schema; `null`: only the server can judge by this schema. */
const compiled = new WeakMap<JsonSchema, Validator | null>();

/**
 * Returns why the record does not fit the JSON Schema of its collection, or `undefined` where it
 * fits, as far as this device can tell. Left to the server: a schema of another draft, a pattern
 * that only the server's language knows, and formats on which validators differ (ADR 55). The
 * validator needs no `eval`, which a Content-Security-Policy forbids.
 */
export function whyAgainst(schema: JsonSchema, doc: Doc): Reason | undefined {
  const validator = validatorOf(schema);
  if (!validator) return undefined;
  try {
    const { errors } = validator.validate(doc);
    return errors.length > 0 ? reasonOf(errors, schema, doc) : undefined;
  } catch {
    compiled.set(schema, null);
    return undefined;
  }
}

function validatorOf(schema: JsonSchema): Validator | null {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const validator = validatorFor(schema);
  compiled.set(schema, validator);
  return validator;
}

function validatorFor(schema: JsonSchema): Validator | null {
  const { $schema = DRAFT } = schema;
  if (!String($schema).includes(DRAFT)) return null;
  try {
    return new Validator(judged(schema) as Schema, DRAFT);
  } catch {
    return null;
  }
}

/** Returns the schema without the formats that are left to the server. */
function judged(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(judged);
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, part]: [string, unknown]) => {
      if (key === 'format' && typeof part === 'string' && !FORMATS.includes(part)) return [];
      return [[key, key === 'const' || key === 'enum' ? part : judged(part)]];
    }),
  );
}

/** Tells the mistake that lies deepest in the record: the others only lead to it. */
function reasonOf(errors: readonly OutputUnit[], { required }: JsonSchema, doc: Doc): Reason {
  const depth = ({ instanceLocation }: OutputUnit): number => instanceLocation.split('/').length;
  const found = errors.reduce((deepest, one) => (depth(one) > depth(deepest) ? one : deepest));
  const missing =
    found.keyword === 'required' && depth(found) === 1 && Array.isArray(required)
      ? required.find((field: string) => !Object.hasOwn(doc, field))
      : undefined;
  const path = found.instanceLocation.slice(1) + (missing === undefined ? '' : `/${missing}`);
  const message =
    found.keyword === 'false' ? 'The schema has no such field.' : found.error.replace(/\n.*/s, '');
  return { kind: 'schema', message, ...(path ? { path } : {}) };
}
