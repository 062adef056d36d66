import { changeOnce, DONE } from '../capture/change-once.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { Command } from '../../shared/messages.ts';
import type { QuarantinedRow } from '../../shared/quarantine.ts';
import type { DeadLetter, MutationLetterName } from '../../shared/row.ts';
import { foldIn } from '../record/capture-change.ts';
import type { OpenReplica } from '../open-replica.ts';
import { isSignedOut } from '../state/signed-out.ts';
import { markUnfit } from '../record/mark-unfit.ts';
import { damagedLetterOf } from '../store/damaged-letter.ts';
import { isUnsent, salvage, type Salvage } from '../store/salvage.ts';
import { asJson } from '../store/as-json.ts';
import type { Quarantined } from '../store/quarantine-rows.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';

/** The rows in quarantine that the present user may see. */
const visibleRows = async (tx: ReplicaTx, replica: Replica): Promise<Quarantined[]> =>
  isSignedOut(replica) ? [] : tx.quarantine.all();

/** All rows in quarantine, for the page. */
export function quarantined({ world }: OpenReplica): Promise<QuarantinedRow[]> {
  return world.store.read(async (tx) => (await visibleRows(tx, await tx.replica())).map(shown));
}

function shown(found: Quarantined): QuarantinedRow {
  const { number, table, why, at, row } = found;
  const read = salvage(found);
  return {
    number,
    table,
    why,
    at,
    unsent: isUnsent(found),
    ...(read ? { collection: read.collection, id: read.id } : {}),
    row: asJson(row),
  };
}

/** The dead letters of rows in quarantine. */
export async function damagedLetters({ world }: OpenReplica): Promise<DeadLetter[]> {
  return world.store.read(async (tx) =>
    (await visibleRows(tx, await tx.replica())).flatMap((found) => damagedLetterOf(found) ?? []),
  );
}

/** Removes a quarantined row for good. Throws `not-found` if the row is not there. */
export function discardQuarantined(
  open: OpenReplica,
  command: Extract<Command, { type: 'discard-quarantined' }>,
): Promise<null> {
  const { requestId, number } = command;
  return changeOnce(open, requestId, DONE, async (tx, replica) => {
    const found = (await visibleRows(tx, replica)).find((row) => row.number === number);
    if (!found)
      throw new UpdraftError(
        'not-found',
        `There is no row ${number} in quarantine any more. Read quarantine() again.`,
      );
    await tx.quarantine.remove([number]);
    return { answer: null, events: [] };
  });
}

/** The quarantined rows of a record. */
export async function damagedRowsOf(
  tx: ReplicaTx,
  replica: Replica,
  { collection, id }: Pick<MutationLetterName, 'collection' | 'id'>,
): Promise<Quarantined[]> {
  const rows = await visibleRows(tx, replica);
  return rows.filter((found) => {
    const read = salvage(found);
    return read?.collection === collection && read.id === id;
  });
}

/**
 * Captures a damaged row's change on its record again, as capture number `seq`. Fields that the
 * change's author did not see become conflicts, as always. Nobody can tell whether the change was
 * sent, so only a person asks for this. Throws `not-found` where the row is gone, `storage` where
 * the change cannot be read whole.
 */
export function recaptured(
  record: ReplicaRecord,
  found: Quarantined | undefined,
  seq: number,
  newConflictId: () => string,
): ReplicaRecord {
  const read = found && salvage(found);
  if (!read)
    throw new UpdraftError(
      'not-found',
      'This damaged row is not in quarantine any more. Read the dead letters again.',
    );
  if (!read.net || !read.isWhole || (read.base === undefined && record.value === null))
    throw new UpdraftError(
      'storage',
      'What is left of this change is not all of it, so it cannot be sent as it was. ' +
        'Enter what is missing anew (exportDeadLetters() has what could be read), then discard it.',
    );
  const { record: again } = foldIn(record, read.net, seenIn(record, read), seq, {
    policy: 'ask',
    newConflictId,
  });
  return markUnfit(again, record.base, newConflictId);
}

/**
 * The record as the change's author saw it. For a record that the author created: nothing, so that
 * a record there now counts as unseen.
 */
function seenIn({ id, value }: ReplicaRecord, { base }: Salvage): Parameters<typeof foldIn>[2] {
  if (base === undefined) return 'unknown';
  if (base) return base;
  return value === null ? undefined : { id };
}
