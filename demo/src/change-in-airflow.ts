import { callAirflow } from './airflow.ts';
import type { Inspection } from './collections.ts';

export const CHANGE_DAG = 'demo_change_inspection';
const LOOK_MS = 1_000;
const LOOKS_MAX = 60;

/** Result of the run; `slow`: not ended within a minute. */
export interface ChangeResult {
  readonly step: 'done' | 'failed' | 'slow';
  readonly run: string;
}

/**
 * Changes an inspection as somebody in the office would: by a DAG run in Airflow, bypassing this
 * device. Throws AirflowError.
 */
export async function changeInAirflow(
  id: string,
  set: Partial<Omit<Inspection, 'id'>>,
): Promise<ChangeResult> {
  const { dag_run_id: run } = (await callAirflow(`/dags/${CHANGE_DAG}/dagRuns`, {
    logical_date: null,
    conf: { id, set },
  })) as { dag_run_id: string };
  for (let look = 0; look < LOOKS_MAX; look++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const { state } = (await callAirflow(
      `/dags/${CHANGE_DAG}/dagRuns/${encodeURIComponent(run)}`,
    )) as { state: string };
    if (state === 'success') return { step: 'done', run };
    if (state === 'failed') return { step: 'failed', run };
  }
  return { step: 'slow', run };
}
