import type { Engine } from '../replay/engine.ts';
import { defined } from '../../shared/defined.ts';
import * as v from 'valibot';
import type { NotShown, PendingInput, PendingInputs } from '../../shared/calls.ts';
import type { WakeReason } from '../../shared/history.ts';
import { jsonEquals, type Json } from '../../shared/json.ts';
import { park } from './park.ts';
import type { CallTable } from '../store/call-table.ts';
import { StoredInputSchema } from '../store/stored-call.ts';
import type { Session } from './airflow-session.ts';
import { InputShape, InputsShape, type InputDetail } from './airflow-shapes.ts';
import { classifyCall } from './classify-call.ts';
import { apiPath, get } from './operation.ts';
import type { CallsAllowed } from './operations.ts';
import { credentialsOf } from '../state/replica.ts';

const INTERVAL_MS = 30_000;
/** Airflow's own page limit; a page may hold fewer. */
const PAGE_MAX = 100;
/** Inputs that a device asks for and keeps: more than anybody reads. */
const INPUTS_MAX = 2_000;

/**
 * Whether to ask Airflow which tasks wait for a person: when somebody opens the app or asks,
 * otherwise at intervals.
 */
export function wantsInputs(
  { respondToHumanInput }: CallsAllowed,
  askedAt: number,
  reasons: readonly WakeReason[],
  now: number,
): boolean {
  if (respondToHumanInput === undefined) return false;
  const isAsked = reasons.some(
    (reason) =>
      reason === 'connect' || reason === 'person' || reason === 'visible' || reason === 'sign-in',
  );
  return isAsked || Math.abs(now - askedAt) >= INTERVAL_MS;
}

/**
 * Stores Airflow's list of waiting tasks for the time without a network. After a failure the stored
 * list stays, with its age.
 */
export async function refreshInputs({
  world,
  desk,
}: Pick<Engine, 'world' | 'desk'>): Promise<void> {
  const { auth } = await desk.replica();
  const session = await world.calls.api.open(credentialsOf(auth));
  if ('kind' in session) {
    if (session.kind === 'sign-in') await park(desk, session.reason, auth);
    return;
  }
  const seen = await everyInput(session, world.calls.allowed);
  if (!seen) return;
  const { inputs, notShown } = seen;
  await desk.write(async (tx) => {
    const before = await tx.calls.inputs();
    await tx.calls.putInputs({
      seenAt: world.clock.now(),
      inputs,
      ...(notShown.length === 0 ? {} : { notShown }),
    });
    const isSame =
      before &&
      jsonEquals(asJson([inputs, notShown]), asJson([before.inputs, before.notShown ?? []]));
    return { result: undefined, events: isSame ? [] : [{ type: 'pending-inputs' }] };
  });
}

const asJson = (value: unknown): Json => value as Json;

type Seen = Required<Pick<PendingInputs, 'inputs' | 'notShown'>>;

/**
 * Returns all waiting tasks that pages may answer. Only the allowed DAGs are asked for, so that
 * tasks of other DAGs do not use up the limit.
 */
async function everyInput(
  session: Session,
  { respondToHumanInput }: CallsAllowed,
): Promise<Seen | undefined> {
  const dags = respondToHumanInput === true ? ['~'] : (respondToHumanInput ?? []);
  const shown = new Map<string, PendingInput>();
  let [unreadable, waiting, read] = [0, 0, 0];
  for (const dagId of dags) {
    const pages = await inputsOf(session, dagId, INPUTS_MAX - read);
    if (!pages) return undefined;
    waiting += pages.total;
    read += pages.details.length;
    for (const detail of pages.details) {
      const input = readInput(detail);
      if (input) shown.set(input.taskInstanceId, input);
      else unreadable += 1;
    }
  }
  const notShown: NotShown[] = [];
  if (waiting > read) notShown.push({ why: 'too-many', count: waiting - read });
  if (unreadable > 0) notShown.push({ why: 'unreadable', count: unreadable });
  return {
    inputs: [...shown.values()].toSorted(
      (a, b) => Number(a.createdAt > b.createdAt) - Number(a.createdAt < b.createdAt),
    ),
    notShown,
  };
}

/**
 * Reads the inputs of a DAG, or of all DAGs (`~`), page by page; none for a DAG that is missing or
 * that this user may not see. Undefined where Airflow does not say.
 */
async function inputsOf(
  session: Session,
  dagId: string,
  max: number,
): Promise<{ details: readonly unknown[]; total: number } | undefined> {
  const details: unknown[] = [];
  const query = `response_received=false&order_by=created_at&limit=${PAGE_MAX}`;
  const path = `${apiPath('dags', dagId, 'dagRuns', '~', 'hitlDetails')}?${query}`;
  for (let total = 0; ;) {
    const answer = classifyCall(await session.send(get(`${path}&offset=${details.length}`)));
    if (answer.kind === 'missing' || answer.kind === 'forbidden') return { details, total };
    if (answer.kind !== 'ok' || !v.is(InputsShape, answer.json)) return undefined;
    const { hitl_details: page, total_entries } = answer.json;
    total = Math.max(total_entries, details.length + page.length);
    details.push(...page.slice(0, Math.max(0, max - details.length)));
    if (page.length === 0 || details.length >= Math.min(total, max)) return { details, total };
  }
}

/** Parses an input; undefined where the input could be neither stored nor answered. */
function readInput(detail: unknown): PendingInput | undefined {
  if (!v.is(InputShape, detail)) return undefined;
  const input = toInput(detail);
  return v.is(StoredInputSchema, input) ? input : undefined;
}

function toInput({
  task_instance: task,
  options,
  subject,
  body,
  multiple,
  defaults,
  params,
  assigned_users,
  created_at,
}: InputDetail): PendingInput {
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
    ...(assigned_users === undefined || assigned_users.length === 0
      ? {}
      : { assignedUsers: assigned_users.map(({ id, name }) => ({ id, name })) }),
  };
}

/** The list as last seen; each input names this device's own answer, if any. */
export async function pendingInputs(calls: CallTable): Promise<PendingInputs> {
  const row = await calls.inputs();
  if (!row) return { inputs: [] };
  const answers = new Map<string, string>();
  for (const { id, request, state } of await calls.all())
    if (request.operation === 'respondToHumanInput' && state.kind !== 'dead')
      answers.set(request.input.taskInstanceId, id);
  const inputs = row.inputs.map((input) => {
    const answeredBy = answers.get(input.taskInstanceId);
    return answeredBy === undefined ? input : { ...input, answeredBy };
  });
  return {
    seenAt: row.seenAt,
    inputs,
    ...defined({ notShown: row.notShown }),
  };
}
