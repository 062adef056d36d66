import { UpdraftError } from '../../shared/errors.ts';
import { own } from '../../shared/json.ts';
import type { Captured, Command, Results } from '../../shared/messages.ts';
import type { OpenReplica } from '../open-replica.ts';
import { changeOnce, wakeFor, type AnswerForm } from '../capture/change-once.ts';
import { ensureOpenDelivery, makingOf } from '../outbox/open-delivery.ts';
import { freedDraft } from '../declarations/on-the-spot.ts';
import { resolveConflict } from '../record/conflict.ts';
import { eventsOf } from '../record/record-events.ts';
import { CapturedSchema } from '../store/stored-message.ts';

/** A damaged answer counts as a new request, which finds the conflict resolved. */
const CAPTURED: AnswerForm<Captured> = { schema: CapturedSchema, ifDamaged: () => undefined };

/**
 * Resolves a conflict as a person chose, like a capture. Throws `not-json` for a value that cannot
 * be stored, `not-found` when the conflict is resolved already.
 */
export async function resolve(
  open: OpenReplica,
  command: Extract<Command, { type: 'resolve' }>,
): Promise<Results['resolve']> {
  return changeOnce(open, command.requestId, CAPTURED, async (tx, replica) => {
    const before = await tx.withConflict(command.conflictId);
    if (!before) throw new UpdraftError('not-found', 'This conflict is resolved already.');
    const seq = replica.seq + 1;
    const after = freedDraft(
      resolveConflict(before, command, seq),
      own(open.world.declarations, before.collection)?.schema,
    );
    await tx.putRecords([after]);
    await tx.putReplica({ ...replica, seq });
    const opened = await ensureOpenDelivery(tx, replica, makingOf(open.world));
    return {
      answer: { id: after.id, seq, log: replica.logId, settled: !after.pending },
      events: eventsOf([{ before, after }]),
      wake: wakeFor(opened),
    };
  });
}
