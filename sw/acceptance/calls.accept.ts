import { describe, expect, inject, test } from 'vitest';
import { trimOpenApi } from '../../scripts/lib/openapi.mjs';
import type { CallRequest, CallState, PendingInput } from '../../shared/calls.ts';
import document from '../calls/airflow.openapi.json' with { type: 'json' };
import { airflowApi, Person } from './person.ts';

const server = inject('server');
const ONCE_A_SECOND_MS = 1_000;
const PATIENCE_MS = 90_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Syncs until the condition holds: Airflow takes its time, and a device looks again and again. */
async function until<T>(
  person: Person,
  what: string,
  look: () => Promise<T | undefined>,
): Promise<T> {
  for (const start = Date.now(); Date.now() - start < PATIENCE_MS; await sleep(ONCE_A_SECOND_MS)) {
    // The device's own clock stands still.
    person.now += 60_000;
    await person.sync();
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
}
const settled = (person: Person, id: string): Promise<CallState> =>
  until(person, 'the end of a call', async () => {
    const state = await person.callState(id);
    return state?.kind === 'settled' || state?.kind === 'dead' ? state : undefined;
  });
const trigger = (dagId: string, conf: object = {}, note?: string): CallRequest => ({
  operation: 'triggerDagRun',
  dagId,
  conf: conf as Record<string, never>,
  ...(note === undefined ? {} : { note }),
});
const answer = (
  {
    subject: _s,
    body: _b,
    multiple: _m,
    defaults: _d,
    params: _p,
    answeredBy: _a,
    ...input
  }: PendingInput,
  chosen: string,
): CallRequest => ({
  operation: 'respondToHumanInput',
  input,
  chosen: [chosen],
});
const sent = (person: Person, pattern: RegExp): number =>
  person.wire.log.filter((line) => pattern.test(line)).length;

/** The run in Airflow of a call by a person's device; resolves when the call ends. */
async function finished(
  person: Person,
  request: CallRequest,
): Promise<{ id: string; runId: string; state: string }> {
  const id = await person.call(request);
  const state = await settled(person, id);
  if (state.kind !== 'settled' || state.outcome.kind !== 'run')
    throw new Error(`a run was expected, not ${JSON.stringify(state)}`);
  return { id, ...state.outcome };
}

/** A waiting task, as this device has seen it. */
async function asked(person: Person): Promise<PendingInput> {
  const id = await person.call(trigger('calls_approval'));
  return until(person, 'a pending request', async () => {
    const state = await person.callState(id);
    const runId = state && 'runId' in state ? state.runId : undefined;
    return (await person.inputs()).inputs.find((input) => input.runId === runId);
  });
}
const inputPath = ({ dagId, runId, taskId, mapIndex }: PendingInput): string =>
  `/dags/${dagId}/dagRuns/${encodeURIComponent(runId)}` +
  `/taskInstances/${taskId}/${mapIndex}/hitlDetails`;

test('the recorded shapes of calls equal those of this Airflow', async () => {
  const running = trimOpenApi((await (await fetch(`${server.url}/openapi.json`)).json()) as object);
  expect({ ...running, openapi: document.openapi }).toEqual(document);
});

describe('a trigger', () => {
  test('captured offline is followed to its success, with its conf and note', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    ana.online = false;
    const id = await ana.call(trigger('calls_report', { day: 1 }, 'from the field'));
    await ana.drain('heartbeat');
    expect(await ana.callState(id)).toEqual({ kind: 'queued' });
    ana.online = true;
    const state = await settled(ana, id);
    expect(state).toMatchObject({ kind: 'settled', outcome: { kind: 'run', state: 'success' } });
    const runId =
      state.kind === 'settled' && state.outcome.kind === 'run' ? state.outcome.runId : '';
    expect(await airflowApi(server, 'GET', `/dags/calls_report/dagRuns/${runId}`)).toMatchObject({
      conf: { day: 1 },
      note: 'from the field',
      triggering_user_name: 'ana',
    });
  });

  test('whose answer is lost meets its own run: there is one', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    ana.wire.loseNext(/calls_report\/dagRuns$/);
    const marker = `lost-${Date.now()}`;
    expect((await finished(ana, trigger('calls_report', { marker }))).state).toBe('success');
    expect([ana.wire.lost, sent(ana, /^POST .*calls_report\/dagRuns$/)]).toEqual([1, 2]);
    const { dag_runs } = (await airflowApi(
      server,
      'GET',
      '/dags/calls_report/dagRuns?limit=200',
    )) as { dag_runs: { conf: { marker?: string } }[] };
    expect(dag_runs.filter(({ conf }) => conf.marker === marker)).toHaveLength(1);
  });

  test('fails with its run, is held for a missing DAG, waits for a paused DAG', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    const [missing, asleep] = [
      await ana.call(trigger('calls_missing')),
      await ana.call(trigger('calls_asleep')),
    ];
    expect((await finished(ana, trigger('calls_report', { fail: true }))).state).toBe('failed');
    expect(await ana.callState(missing)).toMatchObject({ kind: 'held', for: 'dag-missing' });
    expect(await ana.callState(asleep)).toMatchObject({
      kind: 'following',
      run: 'queued',
      paused: true,
    });
  });

  test('by somebody without the right is held, with the reason', async () => {
    const vera = await Person.signIn(server, 'plugin', 'vera');
    const id = await vera.call(trigger('calls_report'));
    await vera.sync();
    expect(await vera.callState(id)).toMatchObject({ kind: 'held', for: 'forbidden' });
  });

  test('whose run id is taken is compared with that run', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    ana.online = false;
    const id = await ana.call(trigger('calls_report', { day: 2 }));
    const stored = await (await ana.worker()).world.store.read((tx) => tx.calls.get(id));
    await airflowApi(server, 'POST', '/dags/calls_report/dagRuns', {
      dag_run_id: stored?.runId,
      logical_date: null,
      conf: { day: 3 },
    });
    ana.online = true;
    expect(await settled(ana, id)).toMatchObject({
      kind: 'dead',
      reason: { kind: 'conflict', conflict: 'run-id-taken' },
    });
  });
});

describe('an answer to a task that waits for a person', () => {
  test('given offline lets the task go on when the network is back', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    const input = await asked(ana);
    expect(input).toMatchObject({
      subject: 'May it go on?',
      options: ['Approve', 'Reject'],
      multiple: false,
    });
    ana.online = false;
    const id = await ana.call(answer(input, 'Approve'));
    ana.online = true;
    expect(await settled(ana, id)).toMatchObject({
      kind: 'settled',
      outcome: { kind: 'answered', chosen: ['Approve'] },
    });
    expect(await airflowApi(server, 'GET', inputPath(input))).toMatchObject({
      response_received: true,
      chosen_options: ['Approve'],
      responded_by_user: { name: 'ana' },
    });
    await until(
      ana,
      'the list without it',
      async () =>
        !(await ana.inputs()).inputs.some(({ runId }) => runId === input.runId) || undefined,
    );
  });

  test('whose own answer is lost is found in Airflow, and is not sent again', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    const input = await asked(ana);
    const id = await ana.call(answer(input, 'Reject'));
    // The identity request before has the same path.
    ana.wire.loseNext(/hitlDetails$/, 'PATCH');
    expect(await settled(ana, id)).toMatchObject({
      kind: 'settled',
      outcome: { chosen: ['Reject'] },
    });
    expect([ana.wire.lost, sent(ana, /^PATCH .*hitlDetails$/)]).toEqual([1, 1]);
  });

  test('beaten by another’s is a conflict: shown with theirs, never overwritten', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    const input = await asked(ana);
    await airflowApi(server, 'PATCH', inputPath(input), { chosen_options: ['Reject'] });
    const id = await ana.call(answer(input, 'Approve'));
    expect(await settled(ana, id)).toMatchObject({
      kind: 'dead',
      reason: {
        kind: 'conflict',
        conflict: 'answered',
        theirs: { by: 'admin', chosen: ['Reject'] },
      },
    });
    expect(await airflowApi(server, 'GET', inputPath(input))).toMatchObject({
      chosen_options: ['Reject'],
    });
    expect(sent(ana, /^PATCH/)).toBe(0);
  });

  test('to a task cleared meanwhile is a conflict: the new request stays open', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    const input = await asked(ana);
    await airflowApi(server, 'POST', `/dags/${input.dagId}/clearTaskInstances`, {
      dry_run: false,
      only_failed: false,
      dag_run_id: input.runId,
      task_ids: ['approve'],
    });
    await until(ana, 'the new request', async () =>
      (await ana.inputs()).inputs.find(
        ({ runId, taskInstanceId }) =>
          runId === input.runId && taskInstanceId !== input.taskInstanceId,
      ),
    );
    const id = await ana.call(answer(input, 'Approve'));
    expect(await settled(ana, id)).toMatchObject({
      kind: 'dead',
      reason: { kind: 'conflict', conflict: 'replaced' },
    });
    expect(await airflowApi(server, 'GET', inputPath(input))).toMatchObject({
      response_received: false,
    });
  });
});

describe('an operation that is sent once', () => {
  test('lets a failed task run again', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    const { runId, state } = await finished(ana, trigger('calls_retry'));
    expect(state).toBe('failed');
    const id = await ana.call({
      operation: 'clearTaskInstances',
      dagId: 'calls_retry',
      runId,
      taskIds: ['second_time_lucky'],
    });
    expect(await settled(ana, id)).toMatchObject({
      kind: 'settled',
      outcome: { kind: 'cleared', tasks: 1 },
    });
    await until(ana, 'the second try', async () => {
      const run = (await airflowApi(server, 'GET', `/dags/calls_retry/dagRuns/${runId}`)) as {
        state: string;
      };
      return run.state === 'success' || undefined;
    });
  });

  test('whose answer is lost is a dead letter, and is not sent again', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    const { runId } = await finished(ana, trigger('calls_retry'));
    ana.wire.loseNext(/clearTaskInstances$/);
    const id = await ana.call({
      operation: 'clearTaskInstances',
      dagId: 'calls_retry',
      runId,
      taskIds: ['second_time_lucky'],
    });
    expect(await settled(ana, id)).toMatchObject({
      kind: 'dead',
      reason: { kind: 'outcome-unknown' },
    });
    for (let rounds = 0; rounds < 3; rounds++) {
      ana.now += 600_000;
      await ana.sync();
    }
    expect([ana.wire.lost, sent(ana, /clearTaskInstances$/)]).toEqual([1, 1]);
  });

  test('of a missing target is refused in Airflow’s words', async () => {
    const ana = await Person.signIn(server, 'plugin', 'ana');
    const id = await ana.call({
      operation: 'clearTaskInstances',
      dagId: 'calls_retry',
      runId: 'no-such-run',
      taskIds: ['second_time_lucky'],
    });
    const state = await settled(ana, id);
    expect(state).toMatchObject({ kind: 'dead', reason: { kind: 'refused', status: 404 } });
    expect(state.kind === 'dead' && state.reason.message).toContain('no-such-run');
  });
});
