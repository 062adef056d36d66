import type { ExchangeResponse } from '../../shared/exchange.ts';
import type { HistoryFact } from '../../shared/history.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import { advance } from '../outbox/advance.ts';
import { ensureOpenDelivery } from '../outbox/open-delivery.ts';
import { serverEventsOf } from '../record/record-events.ts';
import type { Delivery, Move } from '../state/delivery.ts';
import type { Replica } from '../state/replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Answer } from './answer.ts';
import { applyPage } from './apply-page.ts';
import { fork } from './fork.ts';
import { refusalOf, settleBatch } from './settle-batch.ts';
import type { SettleDeps, StepDeps } from './settle-deps.ts';
import { noteUndeclared } from './undeclared.ts';

/**
 * Settles an answer in the caller's transaction: verdicts, revisions, checkpoint, events. The
 * caller has checked `isMine` in the same transaction.
 */
export async function settleResponse(
  tx: ReplicaTx,
  found: Replica,
  answer: Answer,
  given: SettleDeps,
): Promise<{ replica: Replica; events: UpdraftEvent[] }> {
  const { response, request, delivery, via } = answer;
  const decisions: HistoryFact[] = [];
  const deps: StepDeps = { ...given, decide: decidingInto(decisions, given) };
  const { onItsWay, ...answeredFor } = found;
  const replica = delivery || onItsWay === undefined ? answeredFor : found;
  // A proof belongs to its answer: an older proof would say less than this replica now knows.
  const { proof: _proof, ...unproven } = replica;
  const proven: Replica =
    response.proof === undefined ? unproven : { ...unproven, proof: response.proof };
  const contacted: Replica = {
    ...proven,
    backoff: null,
    auth: authAfter(replica.auth, answer),
    lastExchangeAt: deps.now,
    via,
  };
  if (response.refused === 'fork') return fork(tx, contacted, deps);
  const inBatch = delivery ? await tx.inBatch() : [];
  // Must precede every other write: only as long as the delivery exists can its records be
  // recognised.
  if (delivery) await advance(tx, delivery, endOf(response, delivery), deps.now);
  const answered = await settleBatch(tx, contacted, answer, { ...deps, inBatch });
  // Only a page that continues at this replica's checkpoint counts; a late page would jump the
  // checkpoint.
  const continues =
    response.echo.since === replica.since &&
    response.echo.floor === replica.floor &&
    request.since === replica.since;
  const paged = continues
    ? await applyPage(tx, answered.replica, response, deps)
    : { replica: answered.replica, steps: [] };
  const noted = await noteUndeclared(tx, paged.replica, response);
  await tx.appendHistory(deps.now, decisions);
  await tx.putReplica(noted.replica);
  await ensureOpenDelivery(tx, noted.replica, deps);
  return {
    replica: noted.replica,
    events: serverEventsOf([...answered.steps, ...paged.steps, ...noted.steps]),
  };
}

/** Lets the app's resolvers decide, and adds each decision to the facts for the history. */
const decidingInto =
  (facts: HistoryFact[], { resolvers, declarations }: SettleDeps): StepDeps['decide'] =>
  (step) =>
    resolvers?.decide(step, declarations, (fact) => facts.push(fact)) ?? step.after;

/** The sign-in after an answer: newer credentials than the request's are still unproven. */
function authAfter(auth: Replica['auth'], answer: Answer): Replica['auth'] {
  const { signInRequiredAtStart = null, signIns = auth.signIns } = answer;
  if (signIns !== auth.signIns) return auth;
  const { renewed: _, ...proven } = auth;
  return auth.required === signInRequiredAtStart ? { ...proven, required: null } : proven;
}

/**
 * The delivery's last move: `settle` for an answer; `die` for a void or another epoch, after which
 * its mutations travel in other batches.
 */
function endOf(response: ExchangeResponse, delivery: Delivery): Move {
  if (response.refused === 'void') return { kind: 'die', reason: refusalOf(delivery) };
  if (response.refused === 'epoch')
    return {
      kind: 'die',
      reason: {
        kind: 'epoch',
        message:
          'The store has begun a new life: base revisions of the old one mean nothing in it.',
      },
    };
  return { kind: 'settle' };
}
