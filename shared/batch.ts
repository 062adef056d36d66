import * as v from 'valibot';
import { MutationSchema } from './mutation.ts';

/**
 * The mutations that travel together, sent as a frozen JSON string, so that every resend is
 * byte-identical.
 */
export const BatchSchema = v.strictObject({
  number: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  nonce: v.string(),
  mutations: v.array(MutationSchema),
});
export type Batch = v.InferOutput<typeof BatchSchema>;

/**
 * Lower-case hex SHA-256 of the batch's UTF-8 bytes, by which an answer is known to be about
 * exactly this batch.
 */
export async function hashBatch(batch: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(batch));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
