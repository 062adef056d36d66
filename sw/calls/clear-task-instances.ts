import * as v from 'valibot';
import { ClearedShape, type ClearBody } from './airflow-shapes.ts';
import { apiPath, refused, withBody, type Operation, type Requests } from './operation.ts';

/** Lets failed tasks of a run run again. Sent twice it could clear what has failed anew since: an answer that does not come is not asked for again. */
export function clearTaskInstances({ dagId, runId, taskIds }: Requests['clearTaskInstances']): Operation {
  const body: ClearBody = { dry_run: false, only_failed: true, reset_dag_runs: true, dag_run_id: runId, task_ids: taskIds };
  return {
    repeats: 'once',
    lane: `dag:${dagId}`,
    dagId,
    request: withBody('POST', apiPath('dags', dagId, 'clearTaskInstances'), body),
    read: (json) => (v.is(ClearedShape, json) ? { effect: 'settle', outcome: { kind: 'cleared', tasks: json.task_instances.length } } : undefined),
    missing: (message) => refused(message, 404),
  };
}
