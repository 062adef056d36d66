import * as v from 'valibot';
import type { Json } from './json.ts';

/** Any JSON value; documents are checked in depth where they enter (`whyNotJson`), JSON text by its parser. */
export const JsonSchema = v.custom<Json>(
  (value) => value !== undefined && typeof value !== 'function' && typeof value !== 'symbol' && typeof value !== 'bigint',
);
/**
 * An object whose keys are names from outside. Valibot's own `record` drops `constructor` and `prototype` without a word;
 * `__proto__` alone is refused.
 */
export const mapOf = <T>(isValue: (value: unknown) => boolean): v.GenericSchema<Record<string, T>> =>
  v.custom<Record<string, T>>(
    (map) =>
      typeof map === 'object' && map !== null && !Array.isArray(map) && Object.entries(map).every(([key, value]) => key !== '__proto__' && isValue(value)),
    'an object is expected, each of its values of the right kind',
  );
const Fields = mapOf<Json>((value) => v.is(JsonSchema, value));
const Seq = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** The server's version of a record; 0 where the store never had it. */
export const RevisionSchema = Seq;

/** One record's net change in a batch, against the base both sides agreed on. `firstSeq..lastSeq` are the captures folded into it. */
export const MutationSchema = v.strictObject({
  collection: v.string(),
  id: v.string(),
  firstSeq: Seq,
  lastSeq: Seq,
  baseRevision: RevisionSchema,
  op: v.picklist(['create', 'patch', 'delete']),
  set: v.exactOptional(Fields),
  removed: v.exactOptional(v.array(v.string())),
  inc: v.exactOptional(mapOf<number>(Number.isFinite)),
});
export type Mutation = v.InferOutput<typeof MutationSchema>;
