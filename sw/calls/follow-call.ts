import type { Engine } from '../replay/engine.ts';
import * as v from 'valibot';
import type { CallState } from '../../shared/calls.ts';
import { park } from './park.ts';
import { reportOf } from '../replay/circuit.ts';
import type { Session } from './airflow-session.ts';
import { advanceCall } from './advance-call.ts';
import { DagShape, RunShape } from './airflow-shapes.ts';
import { reportOfReply } from './attempt.ts';
import type { CallMove, StoredCall } from '../state/call.ts';
import { classifyCall } from './classify-call.ts';
import { apiPath, get } from './operation.ts';
import { runPath } from './trigger-dag-run.ts';
import { credentialsOf } from '../state/replica.ts';

const LOOK_FIRST_MS = 1_000;
const LOOK_MAX_MS = 20_000;

type Followed = Extract<CallState, { kind: 'accepted' | 'following' }>;

/**
 * Looks once at the run of an accepted call. After a failure the call keeps its state and is looked
 * at again later.
 */
export async function followCall(engine: Engine, call: StoredCall, state: Followed): Promise<void> {
  const { world, desk, circuit } = engine;
  const { auth } = await desk.replica();
  const session = await world.calls.api.open(credentialsOf(auth));
  const now = world.clock.now();
  const later: CallMove = { kind: 'look-later', lookAt: now + lookMs(state.looks + 1) };
  if ('kind' in session) {
    await circuit.report(reportOf(session, world.isOnline()));
    if (session.kind === 'sign-in') await park(desk, session.reason, auth);
    await advanceCall(engine, call.id, later);
    return;
  }
  const { request } = call;
  if (request.operation !== 'triggerDagRun') return;
  const reply = await session.send(get(runPath(request.dagId, state.runId)));
  await circuit.report(reportOfReply(reply, world.isOnline()));
  const answer = classifyCall(reply);
  if (answer.kind === 'missing')
    await advanceCall(engine, call.id, settled(state.runId, 'gone', now));
  else if (answer.kind !== 'ok' || !v.is(RunShape, answer.json))
    await advanceCall(engine, call.id, later);
  else
    await advanceCall(
      engine,
      call.id,
      await moveOf(session, state, answer.json.dag_id, answer.json.state, now),
    );
  await desk.reporter.tellStatus();
}

const settled = (runId: string, state: 'success' | 'failed' | 'gone', at: number): CallMove => ({
  kind: 'settle',
  outcome: { kind: 'run', runId, state },
  at,
});

async function moveOf(
  session: Session,
  state: Followed,
  dagId: string,
  run: 'queued' | 'running' | 'success' | 'failed',
  now: number,
): Promise<CallMove> {
  if (run === 'success' || run === 'failed') return settled(state.runId, run, now);
  const isNew = state.kind === 'accepted' || state.run !== run;
  return {
    kind: 'follow',
    run,
    paused: run === 'queued' && (await isPaused(session, dagId)),
    lookAt: now + lookMs(isNew ? 0 : state.looks + 1),
  };
}

/** Whether a queued run waits because its DAG is paused. False where Airflow does not say. */
async function isPaused(session: Session, dagId: string): Promise<boolean> {
  const answer = classifyCall(await session.send(get(apiPath('dags', dagId))));
  return answer.kind === 'ok' && v.is(DagShape, answer.json) && answer.json.is_paused;
}

/** The delay before the next look: longer with each look that found no change. */
const lookMs = (looks: number): number => Math.min(LOOK_MAX_MS, LOOK_FIRST_MS * 2 ** looks);
