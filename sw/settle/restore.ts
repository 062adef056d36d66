import type { StorageLoss } from '../../shared/status.ts';
import { restoreCalls } from '../calls/restore-calls.ts';
import { keyOf, type MirrorContent } from '../store/mirror.ts';
import type { ReplicaRecord } from '../store/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../store/replica.ts';
import { forkRecord } from './fork.ts';
import { withValue } from './rebase-record.ts';

interface RestoreDeps {
  readonly now: number;
  readonly randomHex: () => string;
}

/** Whether the database has less than the mirror has seen of it: it is empty, or fell back to an earlier state. */
export function isLost(found: Replica | undefined, { replica }: MirrorContent): boolean {
  return !found || (found.logId === replica.logId && found.seq < replica.seq);
}

/**
 * Makes the replica what its mirror says, and tells what was lost. The replica keeps its id and its last batch: if it went on after the mirror
 * was written, the server's ledger knows. A batch that was sealed then goes out with the same bytes and is replayed; where the ledger has moved
 * past it, the server says `fork`, and nothing that might have been sent is sent again by itself (docs/protocol.md). So nothing is doubled.
 */
export async function restore(tx: ReplicaTx, content: MirrorContent, deps: RestoreDeps): Promise<Replica> {
  const left = await tx.unsettled();
  const mirrored = new Set(content.records.map(keyOf));
  const isWhole = content.records.length >= content.unsent;
  // A mirror of everything unsent shows that the rest was settled. From another one nobody can tell: a person decides.
  const unproven = isWhole ? [] : left.filter((record) => !mirrored.has(keyOf(record))).map((record) => forkRecord(record, deps.randomHex));
  const records = [...content.records.map(withValue), ...unproven];
  await tx.empty();
  await tx.putRecords(records);
  for (const delivery of content.deliveries) await tx.putDelivery(delivery);
  await tx.putAnswers(content.answers);
  const loss: StorageLoss = {
    at: deps.now,
    unsent: Math.max(content.unsent, records.length),
    restored: records.length,
    calls: await restoreCalls(tx, content, deps.now),
  };
  const { onItsWay, ...rest } = content.replica;
  // A mirror without the batch has none of its records either.
  const kept = content.deliveries.length > 0 && onItsWay !== undefined ? { ...rest, onItsWay } : rest;
  const replica = restored(kept, records, deps, loss);
  await tx.putReplica(replica);
  return replica;
}

/** The records are read again from the start; in the middle of a re-read, as a new replica would. */
function restored(replica: Replica, records: readonly ReplicaRecord[], { randomHex }: RestoreDeps, loss: StorageLoss): Replica {
  const seq = Math.max(replica.seq, ...records.map(({ pending, sealed }) => (pending ?? sealed)?.lastSeq ?? 0));
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
