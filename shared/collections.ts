import * as v from 'valibot';
import { didYouMean } from './closest.ts';
import { UpdraftError } from './errors.ts';
import { own, utf8Bytes, whyNotJson } from './json.ts';
import { FIELD_NAME_BYTES_MAX } from './limits.ts';

/** How a field that both sides changed is decided. */
export const PolicySchema = v.picklist(['ask', 'client-wins', 'server-wins']);
export type Policy = v.InferOutput<typeof PolicySchema>;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const name = v.pipe(v.string(), v.minLength(1, 'an empty text names nothing'));

/**
 * An object with these keys and no others: an unknown key would be ignored in silence. Only own
 * keys count: `constructor` is a key like any other.
 */
function only<E extends v.ObjectEntries>(entries: E) {
  const allowed = Object.keys(entries);
  return v.pipe(
    v.custom<Record<string, unknown>>(isObject, 'expected an object'),
    v.rawCheck(({ dataset, addIssue }) => {
      const unknown = dataset.typed
        ? Object.keys(dataset.value).find((key) => !allowed.includes(key))
        : undefined;
      if (unknown !== undefined)
        addIssue({
          message:
            `there is no key "${unknown}".${didYouMean(unknown, allowed)} ` +
            `Allowed are ${allowed.join(', ')}`,
        });
    }),
    v.object(entries, ({ expected }) => `expected ${expected}`),
  );
}

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';

/** Whether these are names of columns, or the column of each field. */
const areColumns = (value: unknown): boolean =>
  isObject(value)
    ? Object.entries(value).flat().every(isName)
    : Array.isArray(value) && value.every(isName);

const Table = only({
  connection: name,
  table: name,
  key: name,
  columns: v.exactOptional(v.custom<object>(areColumns, 'expected names, or { field: column }')),
});

/**
 * Users to whose records a rule gives access: everybody's, the owner's, or nobody's but Airflow's.
 */
const RuleSchema = v.picklist(['all', 'own', 'none']);
const REACH = { none: 0, own: 1, all: 2 } as const;

const DeclaredSchema = only({
  description: v.exactOptional(v.string()),
  schema: v.custom<Record<string, unknown>>(isObject, 'a JSON Schema is an object'),
  indexes: v.exactOptional(
    v.pipe(
      v.array(name),
      v.check((names) => new Set(names).size === names.length, 'a field is named twice'),
      v.check((names) => names.every(isFieldName), 'no record can have a field of such a name'),
    ),
    [],
  ),
  onConflict: v.exactOptional(PolicySchema, 'ask'),
  read: v.exactOptional(RuleSchema, 'all'),
  write: v.exactOptional(RuleSchema),
  source: v.exactOptional(Table),
  target: v.exactOptional(Table),
});

/** Whether a record can have a field of that name, whatever the schema says. */
const isFieldName = (field: string): boolean =>
  whyNotJson({ [field]: null }) === undefined && utf8Bytes(field) <= FIELD_NAME_BYTES_MAX;

/**
 * Returns an indexed field that no record can have: the schema names the properties, the field is
 * none of them, and no others are allowed.
 */
function impossibleIndex({
  indexes,
  schema,
}: {
  readonly indexes: readonly string[];
  readonly schema: Readonly<Record<string, unknown>>;
}): string | undefined {
  const { properties, additionalProperties, patternProperties } = schema;
  if (additionalProperties !== false || patternProperties !== undefined) return undefined;
  return indexes.find(
    (index) => index !== 'id' && !(isObject(properties) && Object.hasOwn(properties, index)),
  );
}

/**
 * A collection declared in `collections.json`; the worker ignores `source` and `target`, Airflow
 * reads them.
 */
const CollectionSchema = v.pipe(
  DeclaredSchema,
  v.check(
    (declared) => impossibleIndex(declared) === undefined,
    ({ input }) =>
      `no record can have a field "${impossibleIndex(input)}": its schema has no ` +
      'such property, and allows no others. Change "indexes"',
  ),
  // The next import would silently undo a device's edit.
  v.check(
    ({ source, write }) => source === undefined || write === 'none',
    'a collection with a "source" is written by it alone: it needs "write": "none"',
  ),
  v.transform((declared) => ({ ...declared, write: declared.write ?? declared.read })),
  // Writers of a record that is hidden from them would overwrite the record unseen, and could guess
  // the contents by the verdicts.
  v.check(
    ({ read, write }) => REACH[write] <= REACH[read],
    ({ input: { read } }) => `what may not be read may not be written, and "read" is "${read}"`,
  ),
);
export type CollectionDeclaration = v.InferOutput<typeof CollectionSchema>;

/**
 * Whether a part of the collection belongs to single users: conf and XCom of a DAG run, which other
 * users can read, may not carry such a collection.
 */
export const isPrivate = ({ read, write }: CollectionDeclaration): boolean =>
  read === 'own' || write === 'own';

const FileSchema = only({
  $schema: v.exactOptional(v.string()),
  version: v.literal(1),
  collections: v.custom<Record<string, unknown>>(
    (value) => isObject(value) && Object.keys(value).length > 0,
    'no collections are declared',
  ),
});
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const NAME_RULE =
  "a collection's name is 1 to 63 letters, digits, _ and -, and begins with a letter";

export type Declarations = Readonly<Record<string, CollectionDeclaration>>;

/**
 * Parses `collections.json`: the data model, declared once and read by worker, Airflow and the type
 * generator. Throws `bad-collections` with the path of the first mistake. Golden cases:
 * `contract/declarations.json`; editors have `contract/collections.schema.json`.
 */
export function readCollections(file: unknown): Declarations {
  const { collections } = parsed(FileSchema, file, '');
  return Object.fromEntries(
    Object.entries(collections).map(([name, declared]) => {
      if (!NAME.test(name)) throw invalid(`collections.${name}`, NAME_RULE);
      return [name, parsed(CollectionSchema, declared, `collections.${name}`)];
    }),
  );
}

function parsed<T>(schema: v.GenericSchema<unknown, T>, value: unknown, path: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid([path, v.getDotPath(issue)].filter(Boolean).join('.'), issue.message);
}

const invalid = (path: string, why: string): UpdraftError =>
  new UpdraftError(
    'bad-collections',
    `collections.json is not valid at "${path || 'the top'}": ${why}. Mend it there ` +
      'and deploy it again (docs/architecture.md, "Data model").',
  );

/** Returns the declaration of a collection that a page named. Throws `unknown-collection`. */
export function declarationOf(
  declarations: Declarations,
  collection: string,
): CollectionDeclaration {
  const declaration = own(declarations, collection);
  if (declaration) return declaration;
  throw new UpdraftError(
    'unknown-collection',
    `There is no collection "${collection}". Declared are: ` +
      `${Object.keys(declarations).join(', ')}.`,
  );
}
