import type { Engine } from '../replay/engine.ts';
import { UpdraftError, unreachable } from '../../shared/errors.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import type { Reason } from '../../shared/verdict.ts';
import type { Replica } from '../state/replica.ts';
import { unlocked } from '../state/signed-out.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Effect } from '../transport/transport.ts';
import { afterFailure, park, wait } from './after-failure.ts';
import { isMine } from './answer.ts';
import { withBytes, type Attempt, type Exchanged } from './attempt.ts';
import { settleDepsOf } from './settle-deps.ts';
import { settleResponse } from './settle-response.ts';

/** Begins the next exchange in the transaction that settles the present exchange. */
export type BeginNext<Next> = (
  tx: ReplicaTx,
  replica: Replica,
) => Promise<{ readonly result: Next; readonly events: readonly UpdraftEvent[] }>;

/** `next`: the exchange that was begun, if any. */
export interface Ended<Next> {
  readonly exchanged: Exchanged;
  readonly next?: Next;
}

/**
 * Decides the consequences of an exchange's outcome for the replica. `beginNext` begins the next
 * exchange in the same transaction; given where another exchange may follow at once.
 */
export async function afterEffect<Next>(
  engine: Engine,
  attempt: Attempt,
  beginNext?: BeginNext<Next>,
): Promise<Ended<Next>> {
  const { effect } = attempt;
  if (effect.kind !== 'settle') return { exchanged: await afterFailure(engine, attempt, effect) };
  try {
    return await settle(engine, attempt, effect, beginNext);
  } catch (error) {
    // The next batch may have filled the storage; the verdicts are settled without it.
    if (!beginNext || !(error instanceof UpdraftError && error.kind === 'storage-full'))
      throw error;
    return settle(engine, attempt, effect);
  }
}

/** Checks and settles in a single transaction: nothing changes between an answer and its effect. */
async function settle<Next>(
  engine: Engine,
  attempt: Attempt,
  { response, via, run, isEarlier }: Extract<Effect, { kind: 'settle' }>,
  beginNext?: BeginNext<Next>,
): Promise<Ended<Next>> {
  const { request, delivery } = attempt;
  const { forget } = engine.world.transport;
  const outcome = await engine.desk.write<Outcome<Next>>(async (tx) => {
    // Read together: a later read of the event cursor would wait behind a thousand records.
    const [found] = await Promise.all([tx.replica(), tx.cursor()]);
    // Signed out meanwhile: nobody here asked for this answer.
    if (found.lockedAt !== undefined && found.auth.signIns !== attempt.signIns)
      return { result: { kind: 'not-mine' }, events: [] };
    const replica = withBytes(unlocked(found), attempt.fact);
    // A run that is deleted below is not named in rows.
    const answer = {
      request,
      response,
      delivery,
      via,
      ...(run === undefined || forget ? {} : { run }),
    };
    // An unreadable request is refused without an echo; the answer's run proves that it was ours.
    const isUnread = response.refused === 'invalid' && response.replicaId === null;
    if (!isUnread && !isMine(replica, answer)) return { result: { kind: 'not-mine' }, events: [] };
    if (response.refused === 'user_mismatch' || response.refused === 'invalid')
      return { result: { kind: response.refused }, events: [] };
    const deps = settleDepsOf(engine.world);
    await tx.appendHistory(deps.now, [attempt.fact]);
    const settled = await settleResponse(
      tx,
      replica,
      {
        ...answer,
        signInRequiredAtStart: attempt.signInRequiredAtStart,
        signIns: attempt.signIns,
      },
      deps,
    );
    const begun = await beginNext?.(tx, settled.replica);
    return {
      result: { kind: 'settled', ...(begun ? { next: begun.result } : {}) },
      events: [...settled.events, ...(begun?.events ?? [])],
    };
  });
  switch (outcome.kind) {
    case 'settled':
      // Settled on disk first. If the worker stops before this line, Airflow's own clean-up
      // removes the run.
      if (run !== undefined) await forget?.(run, attempt.signedInBy);
      return {
        exchanged: response.more || isEarlier ? 'more' : 'settled',
        ...('next' in outcome ? { next: outcome.next } : {}),
      };
    case 'user_mismatch':
      return {
        exchanged: await park(engine, attempt, { reason: 'other-user', again: 'new-run' }),
      };
    case 'invalid':
      return {
        exchanged: await afterFailure(engine, attempt, invalidEffect(response.reason)),
      };
    case 'not-mine':
      return { exchanged: await wait(engine, attempt, { for: 'airflow', again: 'new-run' }) };
    default:
      return unreachable(outcome.kind);
  }
}

/** The result of checking and settling an answer. */
interface Outcome<Next> {
  readonly kind: 'settled' | 'user_mismatch' | 'invalid' | 'not-mine';
  readonly next?: Next;
}

/** The effect of `invalid`: `protocol` holds the batch; any other reason refuses the batch. */
function invalidEffect(
  reason: Reason = { kind: 'malformed', message: 'The server found the request invalid.' },
): Exclude<Effect, { kind: 'settle' }> {
  if (reason.kind === 'protocol') return { kind: 'hold', for: 'update' };
  // Independent of the batch: only an operator can make room for this replica.
  if (reason.kind === 'too_many_replicas')
    return { kind: 'hold', for: 'forbidden', message: reason.message };
  return { kind: 'refuse', reason };
}
