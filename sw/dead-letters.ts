import type { Command, Results } from '../shared/messages.ts';
import type { DeadLetter } from '../shared/row.ts';
import { callLetterOf } from './calls/call-view.ts';
import { ensureOpenDelivery, makingOf } from './outbox/open-delivery.ts';
import type { OpenReplica } from './replica.ts';
import { visible, visibleCalls } from './visible.ts';
import { deadLetterOf, retryRecord } from './settle/dead-letter.ts';
import { refuseHidden } from './settle/hidden.ts';
import { eventsOf } from './settle/record-events.ts';

/** Version of the exported text. */
const EXPORT_VERSION = 1;

/** Everything of this replica that cannot go on by itself. */
export async function deadLetters({ world }: OpenReplica): Promise<DeadLetter[]> {
  const changes = await visible(world, (tx) => tx.rejected());
  const calls = await visibleCalls(world, (tx) => tx.calls.dead());
  return [...changes.flatMap((record) => deadLetterOf(record) ?? []), ...calls.flatMap((call) => callLetterOf(call) ?? [])];
}

/** The same as JSON text, to be kept or handed on outside the browser. It changes nothing. */
export async function exportDeadLetters(replica: OpenReplica): Promise<string> {
  const { user, clock } = replica.world;
  const exportedAt = new Date(clock.now()).toISOString();
  return JSON.stringify({ updraft: 'dead-letters', version: EXPORT_VERSION, user, exportedAt, deadLetters: await deadLetters(replica) }, null, 2);
}

/** Lets a refused change travel again, as it was or edited. Throws `not-found` when it is no longer refused. */
export async function retryDeadLetter({ world, desk, pipeline }: OpenReplica, command: Extract<Command, { type: 'retry' }>): Promise<Results['retry']> {
  const { requestId, letter } = command;
  const opened = await desk.write(async (tx) => {
    if (await tx.isAnswered(requestId)) return { result: undefined, events: [] };
    await tx.putAnswer(requestId, world.clock.now(), null);
    const replica = await tx.replica();
    const before = await tx.record(letter.collection, letter.id, replica.generation);
    refuseHidden(replica, before);
    const seq = replica.seq + 1;
    const after = retryRecord(before, command, seq);
    await tx.putRecords([after]);
    await tx.putReplica({ ...replica, seq });
    return { result: await ensureOpenDelivery(tx, replica, makingOf(world)), events: eventsOf([{ before, after }]) };
  });
  if (opened) await pipeline.wakeUpFor(opened.deliveryId);
  await desk.showStatus();
  return null;
}
