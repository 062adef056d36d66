import * as v from 'valibot';
import { CallRequestSchema } from '../../shared/calls.ts';
import type { MirrorContent } from '../store/mirror.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import { putMoved } from './advance-call.ts';
import { OUTCOME_UNKNOWN_AFTER_LOSS } from './attempt.ts';
import { isUnsent, type StoredCall } from './call.ts';
import { operationOf } from './operations.ts';

/**
 * The calls of a lost database, as its mirror has them: under their own ids and run ids, so that one that went out after the mirror was written is met again.
 * Sent again are those that may be: what may be sent once only waits for a person. What is `left` in a database that fell back is older than the mirror.
 * Returns how many calls are gone. `now`: ms since 1970.
 */
export async function restoreCalls(tx: ReplicaTx, { queued, calls, replica: { user } }: MirrorContent, now: number): Promise<number> {
  const mirrored = new Set(queued.map(({ id }) => id));
  const isWhole = queued.filter(isWaiting).length >= calls;
  const left = (await tx.calls.all()).filter((call) => isWaiting(call) && !mirrored.has(call.id));
  // A mirror of everything unsent shows that the rest has gone out, or was given up.
  if (isWhole) for (const { id } of left) await tx.calls.delete(id);
  const kept = [...queued, ...(isWhole ? [] : left)];
  for (const call of kept) {
    await tx.calls.put(call);
    if (isWaiting(call) && isForOnce(call, user)) await putMoved(tx, call, { move: 'die', reason: OUTCOME_UNKNOWN_AFTER_LOSS, at: now }, now);
  }
  return Math.max(0, calls - kept.filter(isWaiting).length);
}

const isWaiting = ({ state }: StoredCall): boolean => isUnsent(state);

/** What this version cannot read becomes a dead letter when its turn comes. */
function isForOnce({ request, runId }: StoredCall, user: string): boolean {
  const read = v.safeParse(CallRequestSchema, request);
  return read.success && operationOf(read.output, runId, user).repeats === 'once';
}
