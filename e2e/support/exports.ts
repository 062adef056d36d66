import type { AirflowApi } from './airflow.ts';
import { eventually } from './eventually.ts';

/**
 * Pauses the export of captured records, or lets the export follow new records, as soon as Airflow
 * has read the DAG. Tests leave the export paused, with few exceptions: a run for each capture
 * would keep the cores busy.
 */
export async function exportsPaused(airflow: AirflowApi, is_paused: boolean): Promise<void> {
  await eventually(
    async () =>
      (await airflow.call('PATCH', '/dags/updraft_export_inspections', { is_paused })).status,
    'the export’s DAG',
  ).toBe(200);
}
