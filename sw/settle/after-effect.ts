import type { ExchangeRequest } from '../../shared/exchange.ts';
import { UpdraftError, unreachable } from '../../shared/errors.ts';
import type { AttemptFact } from '../../shared/history.ts';
import type { AuthReason, UpdraftEvent } from '../../shared/messages.ts';
import type { Reason } from '../../shared/verdict.ts';
import type { WaitingFor } from '../../shared/status.ts';
import type { Desk } from '../desk.ts';
import { advance } from '../outbox/advance.ts';
import type { Again, Delivery, Move } from '../outbox/delivery.ts';
import { nextBackoff } from '../replay/backoff.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { Replica } from '../store/replica.ts';
import type { CredentialsKind, Effect } from '../transport/transport.ts';
import type { World } from '../world.ts';
import { unlocked } from './hidden.ts';
import { isMine, settleResponse } from './settle-response.ts';

interface Attempt {
  readonly effect: Effect;
  readonly request: ExchangeRequest;
  readonly delivery: Delivery | undefined;
  /** The sign-in the attempt was made with. */
  readonly signIns: number;
  readonly signedInBy: CredentialsKind;
  /** What was required when the attempt was made: its answer says nothing about what a call has met meanwhile. */
  readonly required: AuthReason | null;
  /** When Airflow, in trouble, may be asked again (ms since 1970). */
  readonly dueAt: number | undefined;
  /** What the log keeps of the attempt. */
  readonly fact: AttemptFact;
}

/** `more`: settled, and the feed has further pages. */
export type Exchanged = 'settled' | 'more' | 'failed';

/** What the next exchange begins with, in the transaction that settles this one. */
export type BeginNext<Next> = (tx: ReplicaTx, replica: Replica) => Promise<{ readonly result: Next; readonly events: readonly UpdraftEvent[] }>;

/** `next` is absent where none was begun. */
export interface Ended<Next> {
  readonly exchanged: Exchanged;
  readonly next?: Next;
}

/** The one function that decides what an exchange's outcome does to the replica. `beginNext`: where another exchange may follow at once. */
export async function afterEffect<Next>(world: World, desk: Desk, attempt: Attempt, beginNext?: BeginNext<Next>): Promise<Ended<Next>> {
  const { effect } = attempt;
  if (effect.effect !== 'settle') return { exchanged: await afterFailure(world, desk, attempt, effect) };
  try {
    return await settle(world, desk, attempt, effect, beginNext);
  } catch (error) {
    // The next batch's bytes may be what there is no room for; they must not take the verdicts along.
    if (!beginNext || !(error instanceof UpdraftError && error.kind === 'storage-full')) throw error;
    return settle(world, desk, attempt, effect);
  }
}

async function afterFailure(world: World, desk: Desk, attempt: Attempt, effect: Exclude<Effect, { effect: 'settle' }>): Promise<Exchanged> {
  switch (effect.effect) {
    case 'retry':
      return wait(world, desk, attempt, { for: effect.for === 'network' && world.isOnline() ? 'airflow' : effect.for, until: attempt.dueAt });
    case 'wait-run':
      return wait(world, desk, attempt, { for: effect.paused ? 'dag-paused' : 'run' });
    case 'hold':
      // The run's result stays what it is: once the provider is updated another attempt is needed.
      return wait(world, desk, attempt, { for: effect.for, again: effect.for === 'update' ? 'new-run' : 'same-run' });
    case 'next-attempt':
      return wait(world, desk, attempt, { for: 'airflow', again: 'new-run' });
    case 'sign-in':
      return park(world, desk, attempt, { reason: effect.reason, again: 'same-run' });
    case 'refuse':
      return refuse(world, desk, attempt, effect.reason);
    default:
      return unreachable(effect);
  }
}

/** Checks and settles in one transaction: between an answer and its effect nothing can change. */
async function settle<Next>(
  world: World,
  desk: Desk,
  attempt: Attempt,
  { response, via, run }: Extract<Effect, { effect: 'settle' }>,
  beginNext?: BeginNext<Next>,
): Promise<Ended<Next>> {
  const { request, delivery } = attempt;
  const { forget } = world.transport;
  const outcome = await desk.write<Outcome<Next>>(async (tx) => {
    // The log's cursor beside it: asked for later, it would wait behind a thousand records.
    const [found] = await Promise.all([tx.replica(), tx.cursor()]);
    // Signed out meanwhile: what comes now was asked for by nobody who is here.
    if (found.lockedAt !== undefined && found.auth.signIns !== attempt.signIns) return { result: { came: 'not-mine' }, events: [] };
    const replica = counted(unlocked(found), attempt.fact);
    // A run that will be gone is nothing to show.
    const answer = { request, response, delivery, via, ...(run === undefined || forget ? {} : { run }) };
    // A request that could not be read is refused without an echo; it was this run's.
    const isUnread = response.refused === 'invalid' && response.replicaId === null;
    if (!isUnread && !isMine(replica, answer)) return { result: { came: 'not-mine' }, events: [] };
    if (response.refused === 'user_mismatch' || response.refused === 'invalid') return { result: { came: response.refused }, events: [] };
    const now = world.clock.now();
    await tx.appendHistory(now, [attempt.fact]);
    const settled = await settleResponse(
      tx,
      replica,
      { ...answer, requiredBefore: attempt.required },
      { declarations: world.declarations, now, randomHex: world.random.hex },
    );
    const begun = await beginNext?.(tx, settled.replica);
    return { result: { came: 'settled', ...(begun ? { next: begun.result } : {}) }, events: [...settled.events, ...(begun?.events ?? [])] };
  });
  switch (outcome.came) {
    case 'settled':
      // On disk here before it goes there. A worker that is stopped in between leaves the run to Airflow's own clean-up.
      if (run !== undefined) await forget?.(run, attempt.signedInBy);
      return { exchanged: response.more ? 'more' : 'settled', ...('next' in outcome ? { next: outcome.next } : {}) };
    case 'user_mismatch':
      return { exchanged: await park(world, desk, attempt, { reason: 'other-user', again: 'new-run' }) };
    case 'invalid':
      return { exchanged: await afterFailure(world, desk, attempt, invalidEffect(response.reason)) };
    case 'not-mine':
      return { exchanged: await wait(world, desk, attempt, { for: 'airflow', again: 'new-run' }) };
    default:
      return unreachable(outcome.came);
  }
}

/** What an answer turned out to be. */
interface Outcome<Next> {
  readonly came: 'settled' | 'user_mismatch' | 'invalid' | 'not-mine';
  readonly next?: Next;
}

/** A provider of another version holds the batch; one that finds it invalid refuses it as a whole. */
function invalidEffect(reason: Reason = { kind: 'malformed', message: 'The server found the request invalid.' }): Exclude<Effect, { effect: 'settle' }> {
  return reason.kind === 'protocol' ? { effect: 'hold', for: 'update' } : { effect: 'refuse', reason };
}

interface Waiting {
  readonly for: WaitingFor;
  /** ms since 1970, where somebody else has set it. */
  readonly until?: number | undefined;
  readonly again?: Again;
}

/** Tried again by itself; what only a person can mend is shown as held, and tried all the same. */
async function wait(world: World, desk: Desk, attempt: Attempt, { for: waitingFor, until, again = 'same-run' }: Waiting): Promise<Exchanged> {
  await desk.write(async (tx) => {
    const replica = counted(await tx.replica(), attempt.fact);
    const backoff = nextBackoff(replica.backoff, waitingFor, world.clock.now(), world.random.fraction(), until);
    await tx.putReplica({ ...replica, backoff });
    const retryAt = backoff.until;
    await moveOn(
      tx,
      world,
      attempt,
      isHeld(waitingFor) ? { move: 'park', for: 'held', why: waitingFor, retryAt, again } : { move: 'wait', for: waitingFor, retryAt, again },
    );
    return { result: undefined, events: [] };
  });
  return 'failed';
}

/** Waits that no time ends: somebody has to set something right in Airflow. */
const HELD: readonly WaitingFor[] = ['dag-missing', 'plugin-missing', 'dag-paused', 'forbidden', 'update'];
const isHeld = (waitingFor: WaitingFor): boolean => HELD.includes(waitingFor);

/** Parked until someone signs in: nothing is lost, nothing is tried meanwhile. The page is told once. Who signed in during the attempt is not asked again. */
async function park(world: World, desk: Desk, attempt: Attempt, { reason, again }: { readonly reason: AuthReason; readonly again: Again }): Promise<Exchanged> {
  await desk.write(async (tx) => {
    const replica = await tx.replica();
    await moveOn(tx, world, attempt, { move: 'park', for: 'auth', why: reason, again });
    return { result: undefined, events: await askForSignIn(tx, replica, reason, attempt.signIns) };
  });
  return 'failed';
}

/** Parks the replica until someone signs in; returns what the page is told. `signIns`: when the attempt was made. */
export async function askForSignIn(tx: ReplicaTx, replica: Replica, reason: AuthReason, signIns: number): Promise<UpdraftEvent[]> {
  if (replica.auth.signIns !== signIns) return [];
  // Another lane found out why, and the token was forgotten: that there is none is no news.
  if (reason === 'missing' && replica.auth.required) return [];
  await tx.putReplica({ ...replica, backoff: null, auth: { ...replica.auth, required: reason } });
  return replica.auth.required === reason ? [] : [{ type: 'auth-required', reason }];
}

/** The voiding of a refused batch goes out at once; a refused pull or voiding is tried again later. */
async function refuse(world: World, desk: Desk, attempt: Attempt, reason: Reason): Promise<Exchanged> {
  const { delivery } = attempt;
  if (!delivery || delivery.refusal) return wait(world, desk, attempt, { for: 'airflow', again: 'new-run' });
  await desk.write(async (tx) => {
    await moveOn(tx, world, { ...attempt, delivery: { ...delivery, refusal: reason } }, { move: 'refuse' });
    return { result: undefined, events: [] };
  });
  return 'settled';
}

/** The replica with the attempt's bytes. */
function counted(replica: Replica, fact: AttemptFact): Replica {
  const { sent, received } = replica.bytes ?? { sent: 0, received: 0 };
  return { ...replica, bytes: { sent: sent + fact.bytesSent, received: received + fact.bytesReceived } };
}

/** The attempt and the delivery's move, in the transaction of what they lead to. */
async function moveOn(tx: ReplicaTx, world: World, { delivery, fact }: Attempt, move: Move): Promise<void> {
  const now = world.clock.now();
  await tx.appendHistory(now, [fact]);
  if (delivery) await advance(tx, delivery, move, now);
}
