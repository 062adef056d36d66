import type { Command, Results } from '../../shared/messages.ts';
import type { DeadLetter } from '../../shared/row.ts';
import { callLetterOf } from '../calls/call-view.ts';
import { changeOnce, DONE, wakeFor } from '../capture/change-once.ts';
import { ensureOpenDelivery, makingOf } from '../outbox/open-delivery.ts';
import type { OpenReplica } from '../open-replica.ts';
import { visible, visibleCalls } from './visible.ts';
import { damagedLetters, damagedRowsOf, recaptured } from './quarantine.ts';
import { deadLetterOf, editRecord, retryRecord } from '../record/dead-letter.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import { eventsOf } from '../record/record-events.ts';

/** Version of the exported text. */
const EXPORT_VERSION = 1;

/** All dead letters of this replica: changes, damaged rows and calls. */
export async function deadLetters(replica: OpenReplica): Promise<DeadLetter[]> {
  const { world } = replica;
  const changes = await visible(world, (tx) => tx.rejected());
  const calls = await visibleCalls(world, (tx) => tx.calls.dead());
  const damaged = await damagedLetters(replica);
  return [
    ...changes.flatMap((record) => deadLetterOf(record) ?? []),
    ...damaged,
    ...calls.flatMap((call) => callLetterOf(call) ?? []),
  ];
}

/** All dead letters as JSON text, to be kept or handed on outside the browser. Changes nothing. */
export async function exportDeadLetters(replica: OpenReplica): Promise<string> {
  const { user, clock } = replica.world;
  const exportedAt = new Date(clock.now()).toISOString();
  return JSON.stringify(
    {
      updraft: 'dead-letters',
      version: EXPORT_VERSION,
      user,
      exportedAt,
      deadLetters: await deadLetters(replica),
    },
    null,
    2,
  );
}

/**
 * Lets a refused change travel again, unchanged or edited. Throws `not-found` when the change is no
 * longer refused.
 */
export function retryDeadLetter(
  open: OpenReplica,
  command: Extract<Command, { type: 'retry' }>,
): Promise<Results['retry']> {
  const { requestId, letter } = command;
  const { world } = open;
  return changeOnce(open, requestId, DONE, async (tx, replica) => {
    const before = await tx.record(letter.collection, letter.id, replica.generation);
    const seq = replica.seq + 1;
    const isDamaged =
      letter.quarantined !== undefined ||
      (!before.rejection && (await damagedRowsOf(tx, replica, letter)).length > 0);
    const after = await (isDamaged
      ? retryDamaged(tx, replica, before, command, seq, world.random.hex)
      : retryRecord(before, command, seq, world.random.hex));
    await tx.putRecords([after]);
    await tx.putReplica({ ...replica, seq });
    return {
      answer: null,
      events: eventsOf([{ before, after }]),
      wake: wakeFor(await ensureOpenDelivery(tx, replica, makingOf(world))),
    };
  });
}

/** Captures a damaged row's change again, with the person's edit, and removes the row. */
async function retryDamaged(
  tx: ReplicaTx,
  replica: Replica,
  before: ReplicaRecord,
  { letter, set, removed }: Extract<Command, { type: 'retry' }>,
  seq: number,
  newConflictId: () => string,
): Promise<ReplicaRecord> {
  const rows = await damagedRowsOf(tx, replica, letter);
  const found =
    letter.quarantined === undefined
      ? rows[0]
      : rows.find(({ number }) => number === letter.quarantined);
  const again = recaptured(before, found, seq, newConflictId);
  if (found) await tx.quarantine.remove([found.number]);
  return set === undefined && removed === undefined
    ? again
    : editRecord(again, { set, removed: removed ?? [] }, seq, newConflictId);
}
