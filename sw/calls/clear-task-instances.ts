import * as v from 'valibot';
import { ClearedShape, type ClearBody } from './airflow-shapes.ts';
import { apiPath, refused, withBody, type Operation, type Requests } from './operation.ts';

/**
 * Clears the failed tasks of a run, so that Airflow runs those tasks again. A second request could
 * clear tasks that failed since; the call is therefore never repeated after an unclear answer.
 */
export function clearTaskInstances({
  dagId,
  runId,
  taskIds,
}: Requests['clearTaskInstances']): Operation {
  const body: ClearBody = {
    dry_run: false,
    only_failed: true,
    reset_dag_runs: true,
    dag_run_id: runId,
    task_ids: taskIds,
  };
  return {
    repeats: 'once',
    lane: `dag:${dagId}`,
    dagId,
    request: withBody('POST', apiPath('dags', dagId, 'clearTaskInstances'), body),
    read: (json) =>
      v.is(ClearedShape, json)
        ? { kind: 'settle', outcome: { kind: 'cleared', tasks: json.task_instances.length } }
        : undefined,
    missing: (message) => refused(message, 404),
  };
}
