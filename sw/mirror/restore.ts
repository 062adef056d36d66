import { recordKey } from '../record/record-key.ts';
import type { StorageLoss } from '../../shared/status.ts';
import { restoreCalls } from './restore-calls.ts';
import { type MirrorContent } from './mirror.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import { forkRecord } from '../settle/fork.ts';
import { markUnfit } from '../record/mark-unfit.ts';
import { withValue } from '../record/rebase-record.ts';

interface RestoreDeps {
  readonly now: number;
  readonly randomHex: () => string;
}

/**
 * Whether the database holds less than the mirror has seen: the database is empty or fell back to
 * an earlier state.
 */
export function isLost(found: Replica | undefined, { replica }: MirrorContent): boolean {
  return !found || (found.logId === replica.logId && found.seq < replica.seq);
}

/**
 * Restores the replica from its mirror and records the loss. Replica id and last batch stay: if the
 * replica went on after the mirror was written, the server's ledger knows. A batch sealed by then
 * goes out with the same bytes and is replayed; where the ledger has moved past that batch, the
 * server answers `fork`, and changes that might have been sent wait for a person
 * (docs/protocol.md). Nothing is applied twice.
 */
export async function restore(
  tx: ReplicaTx,
  content: MirrorContent,
  deps: RestoreDeps,
): Promise<Replica> {
  const left = await tx.unsettled();
  const mirrored = new Set(content.records.map(recordKey));
  const isWhole = content.records.length >= content.unsent;
  // A complete mirror proves that every other change was settled. Otherwise nobody can tell, and a
  // person decides.
  const unproven = isWhole
    ? []
    : left
        .filter((record) => !mirrored.has(recordKey(record)))
        .map((record) => forkRecord(record, deps.randomHex));
  const records = [
    ...content.records.map((record) => markUnfit(withValue(record), record.base, deps.randomHex)),
    ...unproven,
  ];
  await tx.empty();
  await tx.putRecords(records);
  for (const delivery of content.deliveries) await tx.putDelivery(delivery);
  await tx.putAnswers(content.answers);
  await tx.quarantine.restore(content.damaged.rows);
  const loss: StorageLoss = {
    at: deps.now,
    unsent: Math.max(content.unsent, records.length) + content.damaged.count,
    restored: records.length + content.damaged.rows.length,
    calls: await restoreCalls(tx, content, deps.now),
  };
  const { onItsWay, ...rest } = content.replica;
  // A mirror without the delivery has none of the batch's records either.
  const kept =
    content.deliveries.length > 0 && onItsWay !== undefined ? { ...rest, onItsWay } : rest;
  const replica = restored(kept, records, deps, loss);
  await tx.putReplica(replica);
  return replica;
}

/**
 * The replica's row after a restore. Records are read again from the start; a replica that was
 * re-reading starts like a new replica.
 */
function restored(
  replica: Replica,
  records: readonly ReplicaRecord[],
  { randomHex }: RestoreDeps,
  loss: StorageLoss,
): Replica {
  const seq = Math.max(
    replica.seq,
    ...records.map(({ pending, sealed }) => (pending ?? sealed)?.lastSeq ?? 0),
  );
  return {
    ...replica,
    seq,
    logId: randomHex(),
    epoch: replica.rereading ? null : replica.epoch,
    since: 0,
    floor: 0,
    ready: false,
    rereading: false,
    backoff: null,
    lost: { ...loss, isTold: false },
  };
}
