import type { ExchangeRequest } from '../../shared/exchange.ts';
import { unreachable } from '../../shared/errors.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { Reason } from '../../shared/verdict.ts';
import type { WaitingFor } from '../../shared/status.ts';
import type { Desk } from '../desk.ts';
import { moveDelivery, type Delivery, type Move } from '../outbox/delivery.ts';
import { nextBackoff } from '../replay/backoff.ts';
import type { Effect } from '../transport/transport.ts';
import type { World } from '../world.ts';
import { isMine, settleResponse } from './settle-response.ts';

interface Attempt {
  readonly effect: Effect;
  readonly request: ExchangeRequest;
  readonly delivery: Delivery | undefined;
  /** The sign-in the attempt was made with. */
  readonly signIns: number;
  /** When Airflow, in trouble, may be asked again (ms since 1970). */
  readonly dueAt: number | undefined;
}

/** `more`: settled, and the feed has further pages. */
export type Exchanged = 'settled' | 'more' | 'failed';

/** The one function that decides what an exchange's outcome does to the replica. */
export async function afterEffect(world: World, desk: Desk, attempt: Attempt): Promise<Exchanged> {
  const { effect } = attempt;
  switch (effect.effect) {
    case 'settle':
      return settle(world, desk, attempt, effect);
    case 'retry':
      return wait(world, desk, effect.for === 'network' && world.isOnline() ? 'airflow' : effect.for, attempt.dueAt);
    case 'wait-run':
      return wait(world, desk, effect.paused ? 'dag-paused' : 'run');
    case 'hold':
      // The run's result stays what it is: once the provider is updated another attempt is needed.
      if (effect.for === 'update') await moveTo(world, attempt.delivery, { move: 'next-attempt' });
      return wait(world, desk, effect.for);
    case 'next-attempt':
      await moveTo(world, attempt.delivery, { move: 'next-attempt' });
      return wait(world, desk, 'airflow');
    case 'sign-in':
      return park(desk, effect.reason, attempt);
    case 'refuse':
      await moveTo(world, attempt.delivery, { move: 'refuse', reason: effect.reason });
      // The voiding of a refused batch goes out at once; a refused pull or voiding is tried again later.
      return attempt.delivery && attempt.delivery.state.kind !== 'voiding' ? 'settled' : wait(world, desk, 'airflow');
    default:
      return unreachable(effect);
  }
}

/** Checks and settles in one transaction: between an answer and its effect nothing can change. */
async function settle(world: World, desk: Desk, attempt: Attempt, { response, via, run }: Extract<Effect, { effect: 'settle' }>): Promise<Exchanged> {
  const { request, delivery } = attempt;
  const outcome = await desk.write(async (tx) => {
    const replica = await tx.replica();
    const answer = { request, response, delivery, via, ...(run === undefined ? {} : { run }) };
    // A request that could not be read is refused without an echo; it was this run's.
    const isUnread = response.refused === 'invalid' && response.replicaId === null;
    if (!isUnread && !isMine(replica, answer)) return { result: 'not-mine' as const, events: [] };
    if (response.refused === 'user_mismatch' || response.refused === 'invalid') return { result: response.refused, events: [] };
    const { events } = await settleResponse(tx, replica, answer, { declarations: world.declarations, now: world.clock.now(), randomHex: world.random.hex });
    return { result: 'settled' as const, events };
  });
  switch (outcome) {
    case 'settled':
      return response.more ? 'more' : 'settled';
    case 'user_mismatch':
      await moveTo(world, delivery, { move: 'next-attempt' });
      return park(desk, 'other-user', attempt);
    case 'invalid':
      return afterEffect(world, desk, { ...attempt, effect: invalidEffect(response.reason) });
    case 'not-mine':
      await moveTo(world, delivery, { move: 'next-attempt' });
      return wait(world, desk, 'airflow');
    default:
      return unreachable(outcome);
  }
}

/** A provider of another version holds the batch; one that finds it invalid refuses it as a whole. */
function invalidEffect(reason: Reason = { kind: 'malformed', message: 'The server found the request invalid.' }): Effect {
  return reason.kind === 'protocol' ? { effect: 'hold', for: 'update' } : { effect: 'refuse', reason };
}

async function wait(world: World, desk: Desk, waitingFor: WaitingFor, until?: number): Promise<Exchanged> {
  await desk.update((replica) => ({ ...replica, backoff: nextBackoff(replica.backoff, waitingFor, world.clock.now(), world.random.fraction(), until) }));
  return 'failed';
}

/** Parked until someone signs in: nothing is lost, nothing is tried meanwhile. The page is told once. Who signed in during the attempt is not asked again. */
async function park(desk: Desk, reason: AuthReason, attempt: Attempt): Promise<Exchanged> {
  await desk.write(async (tx) => {
    const replica = await tx.replica();
    if (replica.auth.signIns !== attempt.signIns) return { result: undefined, events: [] };
    await tx.putReplica({ ...replica, backoff: null, auth: { ...replica.auth, required: reason } });
    return { result: undefined, events: replica.auth.required === reason ? [] : [{ type: 'auth-required', reason }] };
  });
  return 'failed';
}

async function moveTo(world: World, delivery: Delivery | undefined, move: Move): Promise<void> {
  if (delivery) await world.store.write((tx) => tx.putDelivery({ ...delivery, state: moveDelivery(delivery.state, move) }));
}
