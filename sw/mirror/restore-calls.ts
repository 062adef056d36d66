import * as v from 'valibot';
import { CallRequestSchema } from '../../shared/calls.ts';
import type { MirrorContent } from './mirror.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import { putMoved } from '../calls/advance-call.ts';
import { OUTCOME_UNKNOWN_AFTER_LOSS } from '../calls/attempt.ts';
import { isUnsent, type StoredCall } from '../state/call.ts';
import { operationOf } from '../calls/operations.ts';

/**
 * Restores the calls of a lost database from its mirror. Ids and run ids stay, so that a call sent
 * after the mirror was written meets its own run. Repeatable calls are sent again; a call that may
 * be sent only once waits for a person. Calls `left` in a database that fell back are older than
 * the mirror. Returns the number of calls that are gone. `now`: ms since 1970.
 */
export async function restoreCalls(
  tx: ReplicaTx,
  { queued, calls, replica: { user } }: MirrorContent,
  now: number,
): Promise<number> {
  const mirrored = new Set(queued.map(({ id }) => id));
  const isWhole = queued.filter(isUnsentCall).length >= calls;
  const left = (await tx.calls.all()).filter(
    (call) => isUnsentCall(call) && !mirrored.has(call.id),
  );
  // A complete mirror proves that every other call was sent or discarded.
  if (isWhole) for (const { id } of left) await tx.calls.delete(id);
  const kept = [...queued, ...(isWhole ? [] : left)];
  for (const call of kept) {
    await tx.calls.put(call);
    if (isUnsentCall(call) && maySendOnlyOnce(call, user))
      await putMoved(tx, call, { kind: 'die', reason: OUTCOME_UNKNOWN_AFTER_LOSS, at: now }, now);
  }
  return Math.max(0, calls - kept.filter(isUnsentCall).length);
}

const isUnsentCall = ({ state }: StoredCall): boolean => isUnsent(state);

/**
 * Whether the call may be sent only once. A call that this version cannot read becomes a dead
 * letter when its lane reaches the call.
 */
function maySendOnlyOnce({ request, runId }: StoredCall, user: string): boolean {
  const read = v.safeParse(CallRequestSchema, request);
  return read.success && operationOf(read.output, runId, user).repeats === 'once';
}
