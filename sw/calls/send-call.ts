import * as v from 'valibot';
import { CallRequestSchema, type CallReason } from '../../shared/calls.ts';
import type { CallAttemptFact, WakeReason } from '../../shared/history.ts';
import type { Desk } from '../desk.ts';
import { reportOf, type Circuit } from '../replay/circuit.ts';
import { park } from './park.ts';
import type { CredentialsKind } from '../transport/transport.ts';
import type { World } from '../world.ts';
import { advanceCall } from './advance-call.ts';
import { effectOfRefusal, moveAfter } from './after-call.ts';
import { attemptCall, OUTCOME_UNKNOWN, reportOfReply } from './attempt.ts';
import { beginCallAttempt } from './call-attempt-fact.ts';
import { isUnsent, type StoredCall } from './call.ts';
import type { CallEffect, Operation } from './operation.ts';
import { isAllowed, operationOf } from './operations.ts';
import { credentialsOf } from '../store/replica.ts';

export interface CallDeps {
  readonly world: World;
  readonly desk: Desk;
  readonly circuit: Circuit;
}

/** One attempt of a lane's head. Each step is on disk before the next one is taken. Resolves to whether its lane may go on at once. */
export async function sendCall(deps: CallDeps, call: StoredCall, wake: WakeReason): Promise<boolean> {
  const operation = readOperation(deps.world, call);
  if (!('repeats' in operation)) return withoutSending(deps, call, { effect: 'die', reason: operation });
  // It was on its way when the worker was killed.
  if (operation.repeats === 'once' && call.state.kind === 'sending') return withoutSending(deps, call, OUTCOME_UNKNOWN);
  const { auth } = await deps.desk.replica();
  const attempted = await attempt(deps, call, operation, { kind: credentialsOf(auth), wake });
  return attempted === undefined || after(deps, call, attempted.effect, { signIns: auth.signIns, facts: [attempted.fact] });
}

async function withoutSending(deps: CallDeps, call: StoredCall, effect: CallEffect): Promise<boolean> {
  await deps.circuit.report({ told: 'unsent' });
  return after(deps, call, effect, { signIns: 0, facts: [] });
}

/** Undefined when a person has discarded the call meanwhile. */
async function attempt(
  { world, desk, circuit }: CallDeps,
  call: StoredCall,
  operation: Operation,
  { kind, wake }: { readonly kind: CredentialsKind; readonly wake: WakeReason },
): Promise<{ readonly effect: CallEffect; readonly fact: CallAttemptFact } | undefined> {
  const endAttempt = beginCallAttempt(world.clock, call, wake);
  const session = await world.calls.api.open(kind);
  if ('effect' in session) {
    await circuit.report(reportOf(session, world.isOnline()));
    const effect = effectOfRefusal(session);
    return { effect, fact: endAttempt({ effect, hasSent: false }) };
  }
  let hasSent = false;
  const onSending = async (): Promise<boolean> => (hasSent = (await advanceCall(world, desk, call.id, { move: 'send' })) !== undefined);
  const attempted = await attemptCall(operation, session, onSending);
  await circuit.report(attempted ? reportOfReply(attempted.reply, world.isOnline()) : { told: 'unsent' });
  return attempted && { effect: attempted.effect, fact: endAttempt({ ...attempted, hasSent }) };
}

/** What becomes of the call and its lane. `facts`: what the log keeps of the attempt, if there was one. */
async function after(
  { world, desk }: CallDeps,
  call: StoredCall,
  effect: CallEffect,
  { signIns, facts }: { readonly signIns: number; readonly facts: readonly CallAttemptFact[] },
): Promise<boolean> {
  const { clock, random } = world;
  const move = moveAfter(call.state, effect, { now: clock.now(), fraction: random.fraction(), online: world.isOnline() });
  const moved = await advanceCall(world, desk, call.id, move, facts);
  if (effect.effect === 'sign-in') await park(desk, effect.reason, { signIns });
  await desk.tellStatus();
  return !moved || !isUnsent(moved.state);
}

/** The stored call is read as if it came from outside: another version may have written it, and the configuration may have changed. */
function readOperation({ calls, user }: World, call: StoredCall): Operation | CallReason {
  const read = v.safeParse(CallRequestSchema, call.request);
  if (!read.success) return { kind: 'unreadable', message: 'This version of the app cannot read the call. It is kept; a newer version may send it.' };
  const operation = operationOf(read.output, call.runId, user);
  if (isAllowed(calls.allowed, read.output.operation, operation.dagId)) return operation;
  return { kind: 'not-allowed', message: `The app no longer allows ${read.output.operation} of "${operation.dagId}". Retry it once it does, or discard it.` };
}
