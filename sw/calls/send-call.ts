import type { Engine } from '../replay/engine.ts';
import * as v from 'valibot';
import { CallRequestSchema, type CallReason } from '../../shared/calls.ts';
import type { CallAttemptFact, WakeReason } from '../../shared/history.ts';
import { reportOf } from '../replay/circuit.ts';
import { park } from './park.ts';
import type { CredentialsKind } from '../transport/transport.ts';
import type { World } from '../world.ts';
import { advanceCall } from './advance-call.ts';
import { effectOfRefusal, moveAfter } from './after-call.ts';
import { attemptCall, OUTCOME_UNKNOWN, reportOfReply } from './attempt.ts';
import { beginCallAttempt } from './call-attempt-fact.ts';
import { failuresOf, isUnsent, type StoredCall } from '../state/call.ts';
import type { CallEffect, Operation } from './operation.ts';
import { isAllowed, operationOf } from './operations.ts';
import { credentialsOf } from '../state/replica.ts';

/**
 * Makes an attempt of a lane's oldest call. Each step is on disk before the next is taken. Resolves
 * to whether the lane may go on at once.
 */
export async function sendCall(
  engine: Engine,
  call: StoredCall,
  wake: WakeReason,
): Promise<boolean> {
  const operation = readOperation(engine.world, call);
  if (!('repeats' in operation))
    return withoutSending(engine, call, { kind: 'die', reason: operation });
  // The worker was killed while the call was on its way.
  if (operation.repeats === 'once' && call.state.kind === 'sending')
    return withoutSending(engine, call, OUTCOME_UNKNOWN);
  const { auth } = await engine.desk.replica();
  const attempted = await attempt(engine, call, operation, { kind: credentialsOf(auth), wake });
  return (
    attempted === undefined ||
    after(engine, call, attempted.effect, { signIns: auth.signIns, facts: [attempted.fact] })
  );
}

async function withoutSending(
  engine: Engine,
  call: StoredCall,
  effect: CallEffect,
): Promise<boolean> {
  await engine.circuit.report({ kind: 'unsent' });
  return after(engine, call, effect, { signIns: 0, facts: [] });
}

/** Undefined when a person has discarded the call meanwhile. */
async function attempt(
  engine: Engine,
  call: StoredCall,
  operation: Operation,
  { kind, wake }: { readonly kind: CredentialsKind; readonly wake: WakeReason },
): Promise<{ readonly effect: CallEffect; readonly fact: CallAttemptFact } | undefined> {
  const { world, circuit } = engine;
  const endAttempt = beginCallAttempt(world.clock, call, wake);
  const session = await world.calls.api.open(kind);
  if ('kind' in session) {
    await circuit.report(reportOf(session, world.isOnline()));
    const effect = effectOfRefusal(session);
    return { effect, fact: endAttempt({ effect, hasSent: false }) };
  }
  let hasSent = false;
  const onSending = async (): Promise<boolean> =>
    (hasSent = (await advanceCall(engine, call.id, { kind: 'send' })) !== undefined);
  const attempted = await attemptCall(operation, session, {
    onSending,
    hasFailed: failuresOf(call.state) > 0,
  });
  await circuit.report(
    attempted ? reportOfReply(attempted.reply, world.isOnline()) : { kind: 'unsent' },
  );
  return attempted && { effect: attempted.effect, fact: endAttempt({ ...attempted, hasSent }) };
}

/**
 * Moves the call after an attempt and tells the pages. `facts`: the attempt's history entry, if an
 * attempt was made.
 */
async function after(
  engine: Engine,
  call: StoredCall,
  effect: CallEffect,
  { signIns, facts }: { readonly signIns: number; readonly facts: readonly CallAttemptFact[] },
): Promise<boolean> {
  const { world, desk } = engine;
  const { clock, random } = world;
  const move = moveAfter(call, effect, {
    now: clock.now(),
    fraction: random.fraction(),
    online: world.isOnline(),
  });
  const moved = await advanceCall(engine, call.id, move, facts);
  if (effect.kind === 'sign-in') await park(desk, effect.reason, { signIns });
  await desk.reporter.tellStatus();
  return !moved || !isUnsent(moved.state);
}

/**
 * Validates the stored call like outside input: another version may have written the row, and the
 * configuration may have changed.
 */
function readOperation({ calls, user }: World, call: StoredCall): Operation | CallReason {
  const read = v.safeParse(CallRequestSchema, call.request);
  if (!read.success)
    return {
      kind: 'unreadable',
      message:
        'This version of the app cannot read the call. It is kept; a newer version may send it.',
    };
  const operation = operationOf(read.output, call.runId, user);
  if (isAllowed(calls.allowed, read.output.operation, operation.dagId)) return operation;
  return {
    kind: 'not-allowed',
    message:
      `The app no longer allows ${read.output.operation} of "${operation.dagId}". ` +
      'Retry it once it does, or discard it.',
  };
}
