import * as v from 'valibot';
import { UpdraftError } from './errors.ts';
import { own } from './json.ts';

/** What happens when both sides changed the same field. */
export const PolicySchema = v.picklist(['ask', 'client-wins', 'server-wins']);
export type Policy = v.InferOutput<typeof PolicySchema>;

const Table = v.object({ connection: v.string(), table: v.string(), key: v.optional(v.string()), columns: v.optional(v.record(v.string(), v.string())) });

/** One collection as `collections.json` declares it; the worker ignores `source` and `target`, Airflow reads them. */
export const CollectionSchema = v.object({
  description: v.optional(v.string()),
  schema: v.record(v.string(), v.unknown()),
  indexes: v.optional(v.array(v.string()), []),
  onConflict: v.optional(PolicySchema, 'ask'),
  read: v.optional(v.picklist(['all', 'own']), 'all'),
  write: v.optional(v.picklist(['all', 'own', 'none']), 'all'),
  source: v.optional(Table),
  target: v.optional(Table),
});
export type CollectionDeclaration = v.InferOutput<typeof CollectionSchema>;

/** Whether some of it is one user's alone: conf and XCom of a DAG run, which others can read, may not carry it. */
export const isPrivate = ({ read, write }: CollectionDeclaration): boolean => read === 'own' || write === 'own';

/** The data model, declared once and read by worker, Airflow and the type generator. */
export const CollectionsFileSchema = v.object({
  version: v.literal(1),
  collections: v.record(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,62}$/)), CollectionSchema),
});
export type Declarations = Readonly<Record<string, CollectionDeclaration>>;

/** Reads a `collections.json`; throws with the path of the first mistake. */
export function readCollections(file: unknown): Declarations {
  const result = v.safeParse(CollectionsFileSchema, file);
  if (result.success) return result.output.collections;
  const issue = result.issues[0];
  throw new Error(`collections.json is not valid at "${v.getDotPath(issue) ?? 'the top'}": ${issue.message}. See docs/architecture.md, "Data model".`);
}

/** The declaration of a collection that a page named. Throws `unknown-collection`. */
export function declarationOf(declarations: Declarations, collection: string): CollectionDeclaration {
  const declaration = own(declarations, collection);
  if (declaration) return declaration;
  throw new UpdraftError('unknown-collection', `There is no collection "${collection}". Declared are: ${Object.keys(declarations).join(', ')}.`);
}
