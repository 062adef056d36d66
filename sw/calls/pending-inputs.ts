import * as v from 'valibot';
import { ShownInputSchema, type PendingInput, type PendingInputs } from '../../shared/calls.ts';
import type { WakeReason } from '../../shared/history.ts';
import { jsonEquals, type Json } from '../../shared/json.ts';
import { park } from './park.ts';
import type { CallTable } from '../store/call-table.ts';
import { InputsShape, type InputDetail } from './airflow-shapes.ts';
import { classifyCall } from './classify-call.ts';
import { get } from './operation.ts';
import { isAllowed, type CallsAllowed } from './operations.ts';
import type { CallDeps } from './send-call.ts';
import { credentialsOf } from '../store/replica.ts';

const INTERVAL_MS = 30_000;
const INPUTS_MAX = 100;
const PATH = `/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false&order_by=created_at&limit=${INPUTS_MAX}`;

/** Whether to ask Airflow which tasks wait for a person: when somebody comes or asks, and else at intervals. */
export function wantsInputs({ respondToHumanInput }: CallsAllowed, askedAt: number, reasons: readonly WakeReason[], now: number): boolean {
  if (respondToHumanInput === undefined) return false;
  const isAsked = reasons.some((reason) => reason === 'connect' || reason === 'person' || reason === 'visible' || reason === 'sign-in');
  return isAsked || Math.abs(now - askedAt) >= INTERVAL_MS;
}

/** Keeps what Airflow says, for the time without a network. What fails leaves the list as it was, with its age. */
export async function refreshInputs({ world, desk }: Pick<CallDeps, 'world' | 'desk'>): Promise<void> {
  const { auth } = await desk.replica();
  const session = await world.calls.api.open(credentialsOf(auth));
  if ('effect' in session) {
    if (session.effect === 'sign-in') await park(desk, session.reason, auth);
    return;
  }
  const reply = await session.send(get(PATH));
  const is = classifyCall(reply);
  if (is.is !== 'ok' || !v.is(InputsShape, is.json)) return;
  const inputs = is.json.hitl_details
    .map(toInput)
    .filter((input) => v.is(ShownInputSchema, input) && isAllowed(world.calls.allowed, 'respondToHumanInput', input.dagId));
  await desk.write(async (tx) => {
    const before = await tx.calls.inputs();
    await tx.calls.putInputs(world.clock.now(), inputs);
    const isSame = before && jsonEquals(inputs as unknown as Json, before.inputs as unknown as Json);
    return { result: undefined, events: isSame ? [] : [{ type: 'pending-inputs' }] };
  });
}

function toInput({ task_instance: task, options, subject, body, multiple, defaults, params, created_at }: InputDetail): PendingInput {
  return {
    dagId: task.dag_id,
    runId: task.dag_run_id,
    taskId: task.task_id,
    mapIndex: task.map_index,
    taskInstanceId: task.id,
    tryNumber: task.try_number,
    createdAt: created_at,
    options: [...options],
    subject,
    body: body ?? null,
    multiple: multiple ?? false,
    defaults: defaults ?? null,
    params: (params ?? {}) as { readonly [name: string]: Json },
  };
}

/** The list as last seen, each with this device's own answer where there is one. */
export async function pendingInputs(calls: CallTable): Promise<PendingInputs> {
  const row = await calls.inputs();
  if (!row) return { inputs: [] };
  const answers = new Map<string, string>();
  for (const { id, request, state } of await calls.all())
    if (request.operation === 'respondToHumanInput' && state.kind !== 'dead') answers.set(request.input.taskInstanceId, id);
  const inputs = row.inputs.map((input) => {
    const answeredBy = answers.get(input.taskInstanceId);
    return answeredBy === undefined ? input : { ...input, answeredBy };
  });
  return { seenAt: row.seenAt, inputs };
}
