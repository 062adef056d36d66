import * as v from 'valibot';
import { jsonEquals, type Json } from '../../shared/json.ts';
import { RunShape, type TriggerBody } from './airflow-shapes.ts';
import { apiPath, get, withBody, type CallEffect, type Operation, type Requests } from './operation.ts';

export const runPath = (dagId: string, runId: string): string => apiPath('dags', dagId, 'dagRuns', runId);

/** Its run id was fixed when it was captured: a resend meets its own run (409), and that run is looked at before it is taken for ours. */
export function triggerDagRun({ dagId, conf = {}, note }: Requests['triggerDagRun'], runId: string): Operation {
  // A date would be a second unique key.
  const body: TriggerBody = { dag_run_id: runId, logical_date: null, conf, ...(note === undefined ? {} : { note }) };
  const accepted: CallEffect = { effect: 'accept', runId };
  return {
    repeats: 'idempotent',
    lane: `dag:${dagId}`,
    dagId,
    request: withBody('POST', apiPath('dags', dagId, 'dagRuns'), body),
    read: (json) => (v.is(RunShape, json) && json.dag_run_id === runId ? accepted : undefined),
    missing: () => ({ effect: 'hold', for: 'dag-missing' }),
    look: {
      path: runPath(dagId, runId),
      read: (json) => {
        if (!v.is(RunShape, json) || json.dag_run_id !== runId) return undefined;
        if (jsonEquals((json.conf ?? {}) as Json, conf)) return accepted;
        const message = `Airflow has a run ${runId} that was triggered with something else. This one was not triggered.`;
        return { effect: 'die', reason: { kind: 'conflict', conflict: 'run-id-taken', message } };
      },
      missing: 'not-done',
    },
  };
}

/** The run of an accepted call. */
export const runRequest = (dagId: string, runId: string): ReturnType<typeof get> => get(runPath(dagId, runId));
