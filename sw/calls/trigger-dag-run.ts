import { defined } from '../../shared/defined.ts';
import * as v from 'valibot';
import { jsonEquals, type Json } from '../../shared/json.ts';
import { RunShape, type TriggerBody } from './airflow-shapes.ts';
import {
  apiPath,
  get,
  withBody,
  type CallEffect,
  type Operation,
  type Requests,
} from './operation.ts';

export const runPath = (dagId: string, runId: string): string =>
  apiPath('dags', dagId, 'dagRuns', runId);

/**
 * Triggers a DAG run. The run id was fixed at capture, so a resend meets its own run (409); the run
 * is then read and compared before Airflow counts as having the call.
 */
export function triggerDagRun(
  { dagId, conf = {}, note }: Requests['triggerDagRun'],
  runId: string,
): Operation {
  // A logical date would be a second unique key.
  const body: TriggerBody = {
    dag_run_id: runId,
    logical_date: null,
    conf,
    ...defined({ note }),
  };
  const accepted: CallEffect = { kind: 'accept', runId };
  return {
    repeats: 'idempotent',
    lane: `dag:${dagId}`,
    dagId,
    request: withBody('POST', apiPath('dags', dagId, 'dagRuns'), body),
    read: (json) => (v.is(RunShape, json) && json.dag_run_id === runId ? accepted : undefined),
    missing: () => ({ kind: 'hold', for: 'dag-missing' }),
    look: {
      path: runPath(dagId, runId),
      read: (json) => {
        if (!v.is(RunShape, json) || json.dag_run_id !== runId) return undefined;
        if (jsonEquals((json.conf ?? {}) as Json, conf)) return accepted;
        const message =
          `Airflow has a run ${runId} that was triggered with something else. ` +
          'This one was not triggered.';
        return { kind: 'die', reason: { kind: 'conflict', conflict: 'run-id-taken', message } };
      },
      missing: 'not-done',
    },
  };
}

/** The request that reads the run of an accepted call. */
export const runRequest = (dagId: string, runId: string): ReturnType<typeof get> =>
  get(runPath(dagId, runId));
