import * as v from 'valibot';
import { RevisionSchema } from './mutation.ts';

/**
 * A record in a response, unchecked: a record that no row can hold is kept out alone
 * (`sw/settle/kept-out.ts`), and must not make the whole answer unreadable. `null`: deleted or
 * absent.
 */
export const ArrivingSchema = v.nullable(
  v.custom<{ readonly id: string }>(hasId, 'a JSON object with an "id" is expected'),
);

function hasId(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    typeof (value as { id?: unknown }).id === 'string'
  );
}

/** The server's reason for a refusal, in the server's own words. */
export const ReasonSchema = v.object({
  kind: v.string(),
  message: v.string(),
  path: v.optional(v.string()),
});
export type Reason = v.InferOutput<typeof ReasonSchema>;

/**
 * The server's answer to a mutation. Every verdict but plain `applied` carries the whole record
 * (`null`: deleted or absent).
 */
export const VerdictSchema = v.variant('verdict', [
  v.object({
    verdict: v.literal('applied'),
    collection: v.string(),
    id: v.string(),
    revision: RevisionSchema,
  }),
  v.object({
    verdict: v.literal('merged'),
    collection: v.string(),
    id: v.string(),
    revision: RevisionSchema,
    record: ArrivingSchema,
    dropped: v.optional(v.array(v.string())),
  }),
  v.object({
    verdict: v.literal('conflicted'),
    collection: v.string(),
    id: v.string(),
    revision: RevisionSchema,
    record: ArrivingSchema,
    fields: v.union([v.literal('*'), v.array(v.string())]),
    dropped: v.optional(v.array(v.string())),
    reason: v.optional(ReasonSchema),
  }),
  v.object({
    verdict: v.literal('rejected'),
    collection: v.string(),
    id: v.string(),
    revision: RevisionSchema,
    record: ArrivingSchema,
    reason: ReasonSchema,
  }),
]);
export type Verdict = v.InferOutput<typeof VerdictSchema>;
export type VerdictName = Verdict['verdict'];
