import * as v from 'valibot';
import type { Doc } from './json.ts';
import { RevisionSchema } from './mutation.ts';

/** A record as it travels: a JSON object with an `id`. */
export const DocSchema = v.custom<Doc>(isDoc, 'a JSON object with an "id" is expected');

function isDoc(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    typeof (value as { id?: unknown }).id === 'string' &&
    !Object.hasOwn(value, '__proto__')
  );
}

/** Why the server said no, in its own words. */
export const ReasonSchema = v.object({ kind: v.string(), message: v.string(), path: v.optional(v.string()) });
export type Reason = v.InferOutput<typeof ReasonSchema>;

/** The server's answer to one mutation. Every verdict but plain `applied` carries the whole record (`null`: deleted or absent). */
export const VerdictSchema = v.variant('verdict', [
  v.object({ verdict: v.literal('applied'), collection: v.string(), id: v.string(), revision: RevisionSchema }),
  v.object({
    verdict: v.literal('merged'),
    collection: v.string(),
    id: v.string(),
    revision: RevisionSchema,
    record: v.nullable(DocSchema),
    dropped: v.optional(v.array(v.string())),
  }),
  v.object({
    verdict: v.literal('conflicted'),
    collection: v.string(),
    id: v.string(),
    revision: RevisionSchema,
    record: v.nullable(DocSchema),
    fields: v.union([v.literal('*'), v.array(v.string())]),
    dropped: v.optional(v.array(v.string())),
    reason: v.optional(ReasonSchema),
  }),
  v.object({
    verdict: v.literal('rejected'),
    collection: v.string(),
    id: v.string(),
    revision: RevisionSchema,
    record: v.nullable(DocSchema),
    reason: ReasonSchema,
  }),
]);
export type Verdict = v.InferOutput<typeof VerdictSchema>;
export type VerdictName = Verdict['verdict'];
