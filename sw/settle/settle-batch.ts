import { defined } from '../../shared/defined.ts';
import type { Batch } from '../../shared/batch.ts';
import { own } from '../../shared/json.ts';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { Reason, Verdict } from '../../shared/verdict.ts';
import { BATCH_HEAD_BYTES } from '../outbox/seal.ts';
import { applyVerdict } from '../record/apply-verdict.ts';
import { arrived } from '../record/arrived.ts';
import { rejected } from '../record/dead-letter.ts';
import { unsealed } from '../record/rebase-record.ts';
import type { RecordStep } from '../record/record-events.ts';
import { recordKey } from '../record/record-key.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { Delivery } from '../state/delivery.ts';
import type { Replica } from '../state/replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import { salvage } from '../store/salvage.ts';
import { freedDraft } from '../declarations/on-the-spot.ts';
import type { Answer } from './answer.ts';
import { noteKeptOut } from './kept-out.ts';
import type { StepDeps } from './settle-deps.ts';

/** The reason why the whole batch was refused. */
export const refusalOf = ({ refusal }: Delivery): Reason =>
  refusal ?? { kind: 'malformed', message: 'The batch was refused.' };

/**
 * Settles the batch's part of an answer: verdicts, or a refusal that returns its mutations to the
 * outbox.
 */
export async function settleBatch(
  tx: ReplicaTx,
  replica: Replica,
  { response, delivery, run }: Answer,
  { inBatch, ...deps }: StepDeps & { readonly inBatch: readonly ReplicaRecord[] },
): Promise<{ replica: Replica; steps: RecordStep[] }> {
  if (!delivery?.nonce || delivery.number === undefined) return { replica, steps: [] };
  const last = { number: delivery.number, nonce: delivery.nonce };
  if (response.refused === 'epoch')
    return {
      replica,
      steps: await putSteps(tx, deps, inBatch, (record) => unsealed(record, deps.randomHex)),
    };
  if (response.refused === 'void') {
    // A batch of a single record does not show how many mutations may travel together.
    const mutationsMax =
      inBatch.length === 1 ? replica.mutationsMax : Math.max(1, Math.floor(inBatch.length / 2));
    const reason = refusalOf(delivery);
    const back = (record: RecordStep['before']): RecordStep['after'] => {
      const folded = unsealed(record, deps.randomHex);
      return inBatch.length === 1 ? { ...rejected(folded, reason, deps.now), alone: true } : folded;
    };
    return {
      replica: { ...replica, last, mutationsMax, ...smaller(delivery, reason, inBatch.length) },
      steps: await putSteps(tx, deps, inBatch, back),
    };
  }
  const verdicts = new Map(response.verdicts?.map((verdict) => [recordKey(verdict), verdict]));
  const verdictOf = (record: RecordStep['before']): Verdict | undefined =>
    verdicts.get(recordKey(record));
  const steps = await putSteps(tx, deps, inBatch, (record) => {
    const verdict = verdictOf(record);
    // A mutation without a verdict was not settled: it returns to the outbox and travels again (law
    // 4).
    if (!verdict) return unsealed(record, deps.randomHex);
    return applyVerdict(record, verdict, {
      policy: own(deps.declarations, record.collection)?.onConflict ?? 'ask',
      generation: replica.generation,
      now: deps.now,
      newConflictId: deps.randomHex,
      ...defined({ run }),
    });
  });
  if ((await tx.quarantine.count()) > 0) await settleDamaged(tx, delivery, verdicts);
  const met = steps.flatMap(({ before }) => metIn(verdictOf(before)));
  return {
    replica: { ...noteKeptOut(regrown(replica), met), last },
    steps: steps.map((step) => ({ ...step, ...verdictName(verdictOf(step.before)) })),
  };
}

/**
 * Tells whether the verdict's record can be held here; a verdict without a record tells nothing.
 */
function metIn(
  verdict: Verdict | undefined,
): { collection: string; id: string; isSound: boolean }[] {
  if (
    !verdict ||
    verdict.verdict === 'applied' ||
    (verdict.record === null && verdict.revision === 0)
  )
    return [];
  const { collection, id, record } = verdict;
  return [{ collection, id, isSound: arrived(record, id) !== undefined }];
}

/**
 * Applies verdicts to records of the batch whose rows were quarantined meanwhile: a change that
 * Airflow wrote is no longer unsent.
 */
async function settleDamaged(
  tx: ReplicaTx,
  { batch = '' }: Delivery,
  verdicts: ReadonlyMap<string, Verdict>,
): Promise<void> {
  const { mutations } = JSON.parse(batch) as Batch;
  const lastSeqs = new Map(
    mutations.map(({ collection, id, lastSeq }) => [recordKey({ collection, id }), lastSeq]),
  );
  for (const found of await tx.quarantine.all()) {
    const read = salvage(found);
    const key = read && recordKey(read);
    const verdict = key === undefined ? undefined : verdicts.get(key)?.verdict;
    const isWritten = verdict === 'applied' || verdict === 'merged';
    if (
      key !== undefined &&
      isWritten &&
      read?.lastSeq !== undefined &&
      read.lastSeq <= (lastSeqs.get(key) ?? -1)
    )
      await tx.quarantine.put({ ...found, settled: true });
  }
}

/**
 * Halves the byte limit after a batch of several mutations was too large; a single mutation says
 * nothing about the limit for others.
 */
function smaller(
  { batch = '' }: Delivery,
  { kind }: Reason,
  mutations: number,
): Pick<Replica, 'bytesMax'> {
  return kind === 'too_large' && mutations > 1
    ? { bytesMax: BATCH_HEAD_BYTES + Math.floor(batch.length / 2) }
    : {};
}

/**
 * Lets batches grow again with each answer. The byte limit grows slowly, because a size that was
 * too large most likely still is: faster growth would have every second batch refused.
 */
function regrown({ bytesMax, ...replica }: Replica): Replica {
  const { batchMutationsMax, batchBytesMax } = TRANSPORT_LIMITS.plugin;
  const grown = bytesMax === undefined ? batchBytesMax : Math.ceil((bytesMax * 9) / 8);
  return {
    ...replica,
    mutationsMax: Math.min(batchMutationsMax, replica.mutationsMax * 2),
    ...(grown < batchBytesMax ? { bytesMax: grown } : {}),
  };
}

const verdictName = (verdict: Verdict | undefined): Pick<RecordStep, 'verdict'> =>
  verdict ? { verdict: verdict.verdict } : {};

async function putSteps(
  tx: ReplicaTx,
  { declarations, decide }: StepDeps,
  records: readonly RecordStep['before'][],
  change: (record: RecordStep['before']) => RecordStep['after'],
): Promise<RecordStep[]> {
  const steps = records.map((before) => {
    const after = decide({ before, after: change(before) });
    return { before, after: freedDraft(after, own(declarations, before.collection)?.schema) };
  });
  await tx.putRecords(steps.map(({ after }) => after));
  return steps;
}
