import * as v from 'valibot';
import type { CallState } from '../../shared/calls.ts';
import { park } from './park.ts';
import { reportOf } from '../replay/circuit.ts';
import type { Session } from '../transport/airflow-api.ts';
import { advanceCall } from './advance-call.ts';
import { DagShape, RunShape } from './airflow-shapes.ts';
import { reportOfReply } from './attempt.ts';
import type { CallMove, StoredCall } from './call.ts';
import { classifyCall } from './classify-call.ts';
import { apiPath, get } from './operation.ts';
import type { CallDeps } from './send-call.ts';
import { runPath } from './trigger-dag-run.ts';
import { credentialsOf } from '../store/replica.ts';

const LOOK_FIRST_MS = 1_000;
const LOOK_MAX_MS = 20_000;

type Followed = Extract<CallState, { kind: 'accepted' | 'following' }>;

/** Looks once at the run of an accepted call. Whatever fails, the call stays where it is and is looked at again. */
export async function followCall({ world, desk, circuit }: CallDeps, call: StoredCall, state: Followed): Promise<void> {
  const { auth } = await desk.replica();
  const session = await world.calls.api.open(credentialsOf(auth));
  const now = world.clock.now();
  const later: CallMove = { move: 'look-later', lookAt: now + lookMs(state.looks + 1) };
  if ('effect' in session) {
    await circuit.report(reportOf(session, world.isOnline()));
    if (session.effect === 'sign-in') await park(desk, session.reason, auth);
    await advanceCall(world, desk, call.id, later);
    return;
  }
  const { request } = call;
  if (request.operation !== 'triggerDagRun') return;
  const reply = await session.send(get(runPath(request.dagId, state.runId)));
  await circuit.report(reportOfReply(reply, world.isOnline()));
  const is = classifyCall(reply);
  if (is.is === 'missing') await advanceCall(world, desk, call.id, settled(state.runId, 'gone', now));
  else if (is.is !== 'ok' || !v.is(RunShape, is.json)) await advanceCall(world, desk, call.id, later);
  else await advanceCall(world, desk, call.id, await moveOf(session, state, is.json.dag_id, is.json.state, now));
  await desk.tellStatus();
}

const settled = (runId: string, state: 'success' | 'failed' | 'gone', at: number): CallMove => ({ move: 'settle', outcome: { kind: 'run', runId, state }, at });

async function moveOf(session: Session, state: Followed, dagId: string, run: 'queued' | 'running' | 'success' | 'failed', now: number): Promise<CallMove> {
  if (run === 'success' || run === 'failed') return settled(state.runId, run, now);
  const isNew = state.kind === 'accepted' || state.run !== run;
  return { move: 'follow', run, paused: run === 'queued' && (await isPaused(session, dagId)), lookAt: now + lookMs(isNew ? 0 : state.looks + 1) };
}

/** A run that stays queued may wait for its DAG. What cannot be found out is not claimed. */
async function isPaused(session: Session, dagId: string): Promise<boolean> {
  const is = classifyCall(await session.send(get(apiPath('dags', dagId))));
  return is.is === 'ok' && v.is(DagShape, is.json) && is.json.is_paused;
}

/** What stays as it is, is looked at less and less often. */
const lookMs = (looks: number): number => Math.min(LOOK_MAX_MS, LOOK_FIRST_MS * 2 ** looks);
