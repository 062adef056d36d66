/** Where a batch goes: shown in the Workbox row and used by the dag transport. */
export const EXCHANGE_DAG = 'updraft_exchange';
export const RUNS_PATH = `/api/v2/dags/${EXCHANGE_DAG}/dagRuns`;
export const BATCH_TARGET = { method: 'POST', path: RUNS_PATH } as const;
