import type { Engine } from '../replay/engine.ts';
import { unreachable } from '../../shared/errors.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { WaitingFor } from '../../shared/status.ts';
import type { Reason } from '../../shared/verdict.ts';
import { backoffMs, nextBackoff, type Failure } from '../replay/backoff.ts';
import type { Again } from '../state/delivery.ts';
import type { Effect } from '../transport/transport.ts';
import { askForSignIn } from './ask-for-sign-in.ts';
import { moveOn, withBytes, type Attempt, type Exchanged } from './attempt.ts';

/** Decides the consequences of an exchange that was not settled. */
export async function afterFailure(
  engine: Engine,
  attempt: Attempt,
  effect: Exclude<Effect, { kind: 'settle' }>,
): Promise<Exchanged> {
  switch (effect.kind) {
    case 'retry': {
      const { for: waitingFor, message } = effect;
      return wait(engine, attempt, {
        for: waitingFor === 'network' && engine.world.isOnline() ? 'airflow' : waitingFor,
        until: attempt.dueAt,
        message,
      });
    }
    case 'wait-run':
      return wait(engine, attempt, { for: effect.paused ? 'dag-paused' : 'run' });
    case 'hold':
      // A run never changes its result: after the provider's update a new run is needed.
      return wait(engine, attempt, {
        for: effect.for,
        message: effect.message,
        again: effect.for === 'update' ? 'new-run' : 'same-run',
        ...(effect.retryAfterMs === undefined
          ? {}
          : {
              until:
                engine.world.clock.now() +
                backoffMs(0, engine.world.random.fraction(), effect.retryAfterMs),
            }),
      });
    case 'next-attempt':
      return wait(engine, attempt, { for: 'airflow', again: 'new-run' });
    case 'sign-in':
      return park(engine, attempt, { reason: effect.reason, again: 'same-run' });
    case 'refuse':
      return refuse(engine, attempt, effect.reason);
    case 'turned-away':
      return turnAway(engine, attempt, effect);
    default:
      return unreachable(effect);
  }
}

interface Waiting extends Failure {
  readonly again?: Again;
}

/**
 * Schedules the next attempt. A failure that only a person can mend is shown as held, and tried
 * again all the same.
 */
export async function wait(
  engine: Engine,
  attempt: Attempt,
  { again = 'same-run', ...failure }: Waiting,
): Promise<Exchanged> {
  const { for: waitingFor } = failure;
  await engine.desk.write(async (tx) => {
    const replica = withBytes(await tx.replica(), attempt.fact);
    const backoff = nextBackoff(
      replica.backoff,
      failure,
      engine.world.clock.now(),
      engine.world.random.fraction(),
    );
    await tx.putReplica({ ...replica, backoff });
    const retryAt = backoff.until;
    await moveOn(
      tx,
      engine.world,
      attempt,
      isHeld(waitingFor)
        ? { kind: 'park', for: 'held', why: waitingFor, retryAt, again }
        : { kind: 'wait', for: waitingFor, retryAt, again },
    );
    return { result: undefined, events: [] };
  });
  return 'failed';
}

/** Failures that no waiting ends: somebody must change something in Airflow. */
const HELD: readonly WaitingFor[] = [
  'dag-missing',
  'plugin-missing',
  'dag-paused',
  'forbidden',
  'store',
  'update',
];
const isHeld = (waitingFor: WaitingFor): boolean => HELD.includes(waitingFor);

/** Parks the delivery until somebody signs in: nothing is lost, and nothing is tried meanwhile. */
export async function park(
  engine: Engine,
  attempt: Attempt,
  { reason, again }: { readonly reason: AuthReason; readonly again: Again },
): Promise<Exchanged> {
  await engine.desk.write(async (tx) => {
    const replica = await tx.replica();
    await moveOn(tx, engine.world, attempt, { kind: 'park', for: 'auth', why: reason, again });
    return { result: undefined, events: await askForSignIn(tx, replica, reason, attempt.signIns) };
  });
  return 'failed';
}

/** Sends the voiding of a refused batch at once; a refused pull or voiding is tried again later. */
async function refuse(engine: Engine, attempt: Attempt, reason: Reason): Promise<Exchanged> {
  const { delivery } = attempt;
  if (!delivery || delivery.refusal)
    return wait(engine, attempt, { for: 'airflow', again: 'new-run' });
  await engine.desk.write(async (tx) => {
    // The backoff of earlier failures must not delay the voiding: Airflow has answered since.
    await tx.putReplica({ ...(await tx.replica()), backoff: null });
    await moveOn(
      tx,
      engine.world,
      { ...attempt, delivery: { ...delivery, refusal: reason } },
      { kind: 'refuse' },
    );
    return { result: undefined, events: [] };
  });
  return 'settled';
}

/** Times that a batch is turned away before its records travel in smaller batches. */
const TURNED_AWAY_MAX = 3;

/**
 * Handles a batch that is turned away while other requests are answered: a proxy may block its
 * content, or Airflow may fail on it. After some attempts the batch is voided like a refused batch,
 * and halved down to the single record. The count is stored with the delivery.
 */
async function turnAway(
  engine: Engine,
  attempt: Attempt,
  effect: Extract<Effect, { kind: 'turned-away' }>,
): Promise<Exchanged> {
  const { delivery } = attempt;
  const { reason, retryAfterMs } = effect;
  const turnedAway =
    __UPDRAFT_PLANTED_BUG__ === 'turned-away-for-ever' ? 1 : (delivery?.turnedAway ?? 0) + 1;
  const counted = { ...attempt, delivery: delivery && { ...delivery, turnedAway } };
  if (delivery && turnedAway >= TURNED_AWAY_MAX) return refuse(engine, counted, reason);
  // The delivery's own count decides: an outage before says nothing about this batch.
  const until =
    engine.world.clock.now() + backoffMs(turnedAway, engine.world.random.fraction(), retryAfterMs);
  // A single refusal may be chance.
  return wait(engine, counted, {
    for: turnedAway === 1 ? 'airflow' : 'refused-on-the-way',
    until,
    message: reason.message,
  });
}
