import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import type { AuthReason, UpdraftEvent } from '../../shared/messages.ts';
import { jsonEquals, own } from '../../shared/json.ts';
import { TRANSPORT_LIMITS, type TransportName } from '../../shared/limits.ts';
import type { Reason, Verdict } from '../../shared/verdict.ts';
import { advance } from '../outbox/advance.ts';
import type { Delivery, Move } from '../outbox/delivery.ts';
import { ensureOpenDelivery } from '../outbox/open-delivery.ts';
import { BATCH_HEAD_BYTES } from '../outbox/seal.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { ReplicaRecord } from '../store/record.ts';
import type { Replica } from '../store/replica.ts';
import { applyVerdict } from './apply-verdict.ts';
import { applyPage } from './apply-page.ts';
import { foldBack, withValue } from './rebase-record.ts';
import { rejected } from './dead-letter.ts';
import { fork } from './fork.ts';
import type { SettleDeps } from './settle-deps.ts';
import { serverEventsOf, type RecordStep } from './record-events.ts';

/** An answer to `request`, for the delivery it carried (none: a pull). */
export interface Answer {
  readonly request: ExchangeRequest;
  readonly response: ExchangeResponse;
  readonly delivery: Delivery | undefined;
  readonly via: TransportName;
  readonly run?: string;
  /** What the request was made in spite of; an answer lifts that, and nothing newer. */
  readonly requiredBefore?: AuthReason | null;
}

/**
 * Whether the response is about exactly this request, asked by the replica as it is now. Anything else is no answer (law 8):
 * a late pull's `fork` is not about me, and another batch's verdicts are not mine.
 */
export function isMine(replica: Replica, { request, response, delivery }: Answer): boolean {
  const { echo } = response;
  if (response.replicaId !== replica.replicaId || request.replicaId !== replica.replicaId) return false;
  if (echo.epoch !== replica.epoch || !jsonEquals(echo.last, replica.last)) return false;
  if (__UPDRAFT_PLANTED_BUG__ === 'no-hash-check') return true;
  return echo.nonce === (delivery?.nonce ?? null) && echo.hash === (request.hash ?? null);
}

/** One transaction's work: verdicts, revisions, checkpoint, events. The caller has checked `isMine` inside the same transaction. */
export async function settleResponse(tx: ReplicaTx, found: Replica, answer: Answer, deps: SettleDeps): Promise<{ replica: Replica; events: UpdraftEvent[] }> {
  const { response, request, delivery, via } = answer;
  const { onItsWay, ...answeredFor } = found;
  const replica = delivery || onItsWay === undefined ? answeredFor : found;
  const required = replica.auth.required === (answer.requiredBefore ?? null) ? null : replica.auth.required;
  const contacted: Replica = { ...replica, backoff: null, auth: { ...replica.auth, required }, lastExchangeAt: deps.now, via };
  if (response.refused === 'fork') return fork(tx, contacted, deps);
  const inBatch = delivery ? await tx.inBatch() : [];
  // Before anything is written: as long as the delivery stands, it says what its records are.
  if (delivery) await advance(tx, delivery, endOf(response, delivery), deps.now);
  const answered = await settleBatch(tx, contacted, answer, { ...deps, inBatch });
  // Only a page that continues from where this replica stands counts; a late one would jump the checkpoint.
  const continues = response.echo.since === replica.since && response.echo.floor === replica.floor && request.since === replica.since;
  const paged = continues ? await applyPage(tx, answered.replica, response, deps) : { replica: answered.replica, steps: [] };
  await tx.putReplica(paged.replica);
  await ensureOpenDelivery(tx, paged.replica, deps);
  return { replica: paged.replica, events: serverEventsOf([...answered.steps, ...paged.steps]) };
}

/** Answered, the batch is settled; void or of another epoch it is dead, and its mutations travel in others. */
function endOf(response: ExchangeResponse, delivery: Delivery): Move {
  if (response.refused === 'void') return { move: 'die', reason: refusalOf(delivery) };
  if (response.refused === 'epoch')
    return { move: 'die', reason: { kind: 'epoch', message: 'The store has begun a new life: base revisions of the old one mean nothing in it.' } };
  return { move: 'settle' };
}

const refusalOf = ({ refusal }: Delivery): Reason => refusal ?? { kind: 'malformed', message: 'The batch was refused.' };

/** The batch's part of an answer: verdicts, or a refusal that sends its mutations back. */
async function settleBatch(
  tx: ReplicaTx,
  replica: Replica,
  { response, delivery, run }: Answer,
  { inBatch, ...deps }: SettleDeps & { readonly inBatch: readonly ReplicaRecord[] },
): Promise<{ replica: Replica; steps: RecordStep[] }> {
  if (!delivery?.nonce || delivery.number === undefined) return { replica, steps: [] };
  const last = { number: delivery.number, nonce: delivery.nonce };
  if (response.refused === 'epoch') return { replica, steps: await putSteps(tx, inBatch, (record) => withValue(foldBack(record))) };
  if (response.refused === 'void') {
    const mutationsMax = Math.max(1, Math.floor(inBatch.length / 2));
    const reason = refusalOf(delivery);
    const back = (record: RecordStep['before']): RecordStep['after'] => {
      const folded = withValue(foldBack(record));
      return inBatch.length === 1 ? rejected(folded, reason, deps.now) : folded;
    };
    return { replica: { ...replica, last, mutationsMax, ...smaller(delivery, reason, inBatch.length) }, steps: await putSteps(tx, inBatch, back) };
  }
  const verdicts = new Map(response.verdicts?.map((verdict) => [`${verdict.collection}\n${verdict.id}`, verdict]));
  const verdictOf = (record: RecordStep['before']): Verdict | undefined => verdicts.get(`${record.collection}\n${record.id}`);
  const steps = await putSteps(tx, inBatch, (record) => {
    const verdict = verdictOf(record);
    // A mutation without a verdict was not settled: it goes back and travels again (law 4).
    if (!verdict) return withValue(foldBack(record));
    const policy = own(deps.declarations, record.collection)?.onConflict ?? 'ask';
    return applyVerdict(record, verdict, {
      policy,
      generation: replica.generation,
      now: deps.now,
      newConflictId: deps.randomHex,
      ...(run === undefined ? {} : { run }),
    });
  });
  return { replica: { ...regrown(replica), last }, steps: steps.map((step) => ({ ...step, ...verdictName(verdictOf(step.before)) })) };
}

/** A batch of one says nothing of the others' room. */
function smaller({ batch = '' }: Delivery, { kind }: Reason, mutations: number): Pick<Replica, 'bytesMax'> {
  return kind === 'too_large' && mutations > 1 ? { bytesMax: BATCH_HEAD_BYTES + Math.floor(batch.length / 2) } : {};
}

/** Batches grow again with each that is answered. What was too large in bytes most likely still is: tried rarely, or each second batch would be refused. */
function regrown({ bytesMax, ...replica }: Replica): Replica {
  const { batchMutationsMax, batchBytesMax } = TRANSPORT_LIMITS.plugin;
  const grown = bytesMax === undefined ? batchBytesMax : Math.ceil((bytesMax * 9) / 8);
  return { ...replica, mutationsMax: Math.min(batchMutationsMax, replica.mutationsMax * 2), ...(grown < batchBytesMax ? { bytesMax: grown } : {}) };
}

const verdictName = (verdict: Verdict | undefined): Pick<RecordStep, 'verdict'> => (verdict ? { verdict: verdict.verdict } : {});

async function putSteps(
  tx: ReplicaTx,
  records: readonly RecordStep['before'][],
  change: (record: RecordStep['before']) => RecordStep['after'],
): Promise<RecordStep[]> {
  const steps = records.map((before) => ({ before, after: change(before) }));
  await tx.putRecords(steps.map(({ after }) => after));
  return steps;
}
