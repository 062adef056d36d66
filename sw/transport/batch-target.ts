import type { TransportName } from '../../shared/limits.ts';

/** Where batches go on each way: shown in the Workbox row, used by the transports. */
export const EXCHANGE_DAG = 'updraft_exchange';
export const RUNS_PATH = `/api/v2/dags/${EXCHANGE_DAG}/dagRuns`;
export const PLUGIN_PATH = '/updraft/v1';

/** The path that a batch is sent to first. */
export const batchPath = (choice: 'auto' | TransportName = 'auto'): string => (choice === 'dag' ? RUNS_PATH : `${PLUGIN_PATH}/exchange`);
