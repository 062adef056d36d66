import type { AirflowApi } from './airflow.ts';

/**
 * Pauses the export of captured records, or lets it follow them. Tests leave it paused, with few
 * exceptions: a run for each capture would keep the cores busy.
 */
export async function exportsPaused(airflow: AirflowApi, is_paused: boolean): Promise<void> {
  const { status } = await airflow.call('PATCH', '/dags/updraft_export_inspections', { is_paused });
  if (status !== 200) throw new Error(`Airflow answered ${status}: the export's DAG is not there.`);
}
