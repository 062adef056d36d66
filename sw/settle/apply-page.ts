import type { Change, ExchangeResponse } from '../../shared/exchange.ts';
import { own } from '../../shared/json.ts';
import type { ReplicaRecord } from '../store/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../store/replica.ts';
import { rebaseRecord } from './rebase-record.ts';
import type { RecordStep } from './record-events.ts';
import type { SettleDeps } from './settle-deps.ts';

const SWEEP_ROWS = 500;

/** Takes one page of changes into the replica and moves the checkpoint. A re-read begins with `reset` and ends with the page that has no more. */
export async function applyPage(
  tx: ReplicaTx,
  replica: Replica,
  response: ExchangeResponse,
  deps: SettleDeps,
): Promise<{ replica: Replica; steps: RecordStep[] }> {
  if (response.upTo === null || response.refused === 'user_mismatch' || response.refused === 'invalid') return { replica, steps: [] };
  const begun: Replica = response.reset
    ? { ...replica, epoch: response.epoch, since: 0, floor: response.start ?? 0, generation: replica.generation + 1, rereading: true }
    : replica;
  const steps = await takeChanges(tx, begun, response.changes, deps);
  const moved: Replica = { ...begun, since: response.upTo, lastPullAt: deps.now };
  if (response.more) return { replica: moved, steps };
  // Nothing announces what a restored backup never had: what no page confirmed is gone.
  const swept = begun.rereading ? await sweep(tx, begun, deps) : [];
  return { replica: { ...moved, rereading: false, ready: true }, steps: [...steps, ...swept] };
}

async function takeChanges(tx: ReplicaTx, replica: Replica, changes: readonly Change[], deps: SettleDeps): Promise<RecordStep[]> {
  const records = await tx.recordsOf(
    changes.map(({ collection, id }) => [collection, id] as const),
    replica.generation,
  );
  const steps = changes.flatMap((change, index): RecordStep[] => {
    const before = records[index];
    if (!before || before.sealed) return [];
    const isNewer = before.generation < replica.generation || change.revision > before.revision;
    return isNewer ? [{ before, after: moveTo(before, 'record' in change ? change.record : null, change.revision, replica, deps) }] : [];
  });
  await tx.putRecords(steps.map(({ after }) => after));
  return steps;
}

async function sweep(tx: ReplicaTx, replica: Replica, deps: SettleDeps): Promise<RecordStep[]> {
  const all: RecordStep[] = [];
  for (;;) {
    const rows = await tx.unverified(replica.generation, SWEEP_ROWS);
    if (rows.length === 0) return all;
    const steps = rows.map((before) => ({ before, after: moveTo(before, null, 0, replica, deps) }));
    await tx.putRecords(steps.map(({ after }) => after));
    all.push(...steps);
  }
}

function moveTo(record: ReplicaRecord, base: ReplicaRecord['base'], revision: number, replica: Replica, deps: SettleDeps): ReplicaRecord {
  return rebaseRecord(
    record,
    { base, revision, generation: replica.generation },
    own(deps.declarations, record.collection)?.onConflict ?? 'ask',
    deps.randomHex,
  );
}
