/** Several runs of the suite at a time, each with an Airflow, ports and networks of its own; 0: the only one. */
export const lane = Number(process.env['UPDRAFT_E2E_LANE'] ?? 0);
