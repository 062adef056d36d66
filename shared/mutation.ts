import * as v from 'valibot';
import type { Elements, PartName } from './edit.ts';
import { isScalars, type Json } from './json.ts';

/**
 * Any JSON value; documents are checked in depth at the entry (`whyNotJson`), JSON text by the
 * parser.
 */
export const JsonSchema = v.custom<Json>(
  (value) =>
    value !== undefined &&
    typeof value !== 'function' &&
    typeof value !== 'symbol' &&
    typeof value !== 'bigint',
);
/**
 * An object whose keys are names from outside. Valibot's own `record` silently drops `constructor`
 * and `prototype`; here `__proto__` alone is refused.
 */
export const mapOf = <T>(
  isValue: (value: unknown) => boolean,
): v.GenericSchema<Record<string, T>> =>
  v.custom<Record<string, T>>(
    (map) =>
      typeof map === 'object' &&
      map !== null &&
      !Array.isArray(map) &&
      Object.entries(map).every(([key, value]) => key !== '__proto__' && isValue(value)),
    'an object is expected, each of its values of the right kind',
  );
const Fields = mapOf<Json>((value) => v.is(JsonSchema, value));
const Seq = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** The server's version of a record; 0 for a record that the store never had. */
export const RevisionSchema = Seq;

const ElementsSchema = v.strictObject({ added: v.custom(isScalars), removed: v.custom(isScalars) });
/** The part `elements`, as stored and as sent. */
export const ElementsByField = mapOf<Elements>((value) => v.is(ElementsSchema, value));

/** Parts of an edit as they travel. A part that is not here could not be sent. */
const PARTS = {
  set: v.exactOptional(Fields),
  removed: v.exactOptional(v.array(v.string())),
  inc: v.exactOptional(mapOf<number>(Number.isFinite)),
  elements: v.exactOptional(ElementsByField),
} satisfies Readonly<Record<PartName, v.GenericSchema>>;

/**
 * A record's net change in a batch, against the base agreed on by both sides. `firstSeq..lastSeq`
 * are the captures folded into the change.
 */
export const MutationSchema = v.strictObject({
  collection: v.string(),
  id: v.string(),
  firstSeq: Seq,
  lastSeq: Seq,
  baseRevision: RevisionSchema,
  op: v.picklist(['create', 'patch', 'delete']),
  ...PARTS,
});
export type Mutation = v.InferOutput<typeof MutationSchema>;
