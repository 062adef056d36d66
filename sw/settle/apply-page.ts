import type { Change, ExchangeResponse } from '../../shared/exchange.ts';
import { own } from '../../shared/json.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../state/replica.ts';
import { freedDraft } from '../declarations/on-the-spot.ts';
import { noteKeptOut } from './kept-out.ts';
import type { RecordName } from '../record/record-key.ts';
import { rebaseRecord } from '../record/rebase-record.ts';
import type { RecordStep } from '../record/record-events.ts';
import type { StepDeps } from './settle-deps.ts';
import { arrived } from '../record/arrived.ts';

const SWEEP_ROWS = 500;

/**
 * Applies a page of changes to the replica and moves the checkpoint. A re-read begins with `reset`
 * and ends with the page whose `more` is false.
 */
export async function applyPage(
  tx: ReplicaTx,
  replica: Replica,
  response: ExchangeResponse,
  deps: StepDeps,
): Promise<{ replica: Replica; steps: RecordStep[] }> {
  if (
    response.upTo === null ||
    response.refused === 'user_mismatch' ||
    response.refused === 'invalid'
  )
    return { replica, steps: [] };
  const begun = response.reset ? restarted(replica, response) : replica;
  const { steps, met } = await takeChanges(tx, begun, response.changes, deps);
  const moved: Replica = { ...noteKeptOut(begun, met), since: response.upTo, lastPullAt: deps.now };
  if (response.more) return { replica: moved, steps };
  // A restored backup does not announce the records it lacks: a record that no page confirmed is
  // gone. Pages say nothing of collections that Airflow does not declare.
  const spared = new Set([...(replica.undeclared ?? []), ...(response.undeclared ?? [])]);
  const swept = begun.rereading ? await sweep(tx, begun, spared, deps) : [];
  return { replica: { ...moved, rereading: false, ready: true }, steps: [...steps, ...swept] };
}

function restarted(
  { keptOut: _, ...replica }: Replica,
  { epoch, start }: ExchangeResponse,
): Replica {
  return {
    ...replica,
    epoch,
    since: 0,
    floor: start ?? 0,
    generation: replica.generation + 1,
    rereading: true,
  };
}

async function takeChanges(
  tx: ReplicaTx,
  replica: Replica,
  changes: readonly Change[],
  deps: StepDeps,
): Promise<{ steps: RecordStep[]; met: (RecordName & { isSound: boolean })[] }> {
  const records = await tx.recordsOf(
    changes.map(({ collection, id }) => [collection, id] as const),
    replica.generation,
  );
  const met: (RecordName & { isSound: boolean })[] = [];
  const steps = changes.flatMap((change, index): RecordStep[] => {
    const before = records[index];
    const { collection, id, revision } = change;
    const base = 'record' in change ? arrived(change.record, id) : null;
    met.push({ collection, id, isSound: base !== undefined });
    if (!before || before.sealed) return [];
    const isUnverified = before.generation < replica.generation;
    if (base === undefined) return isUnverified ? [unmoved(before, replica)] : [];
    return isUnverified || revision > before.revision
      ? [{ before, after: moveTo(before, base, revision, replica, deps) }]
      : [];
  });
  await tx.putRecords(steps.map(({ after }) => after));
  return { steps, met };
}

/**
 * Keeps a row that the re-read could not confirm or refute. Its revision may belong to an earlier
 * epoch and is set to 0.
 */
const unmoved = (before: ReplicaRecord, { generation }: Replica): RecordStep => ({
  before,
  after: { ...before, revision: 0, generation },
});

async function sweep(
  tx: ReplicaTx,
  replica: Replica,
  spared: ReadonlySet<string>,
  deps: StepDeps,
): Promise<RecordStep[]> {
  const all: RecordStep[] = [];
  for (;;) {
    const rows = await tx.unverified(replica.generation, SWEEP_ROWS);
    if (rows.length === 0) return all;
    const steps = rows.map((before) =>
      spared.has(before.collection)
        ? unmoved(before, replica)
        : { before, after: moveTo(before, null, 0, replica, deps) },
    );
    await tx.putRecords(steps.map(({ after }) => after));
    all.push(...steps);
  }
}

function moveTo(
  record: ReplicaRecord,
  base: ReplicaRecord['base'],
  revision: number,
  replica: Replica,
  deps: StepDeps,
): ReplicaRecord {
  const declared = own(deps.declarations, record.collection);
  const to = { base, revision, generation: replica.generation };
  const moved = rebaseRecord(record, to, declared?.onConflict ?? 'ask', deps.randomHex);
  return freedDraft(deps.decide({ before: record, after: moved }), declared?.schema);
}
