// Vitest's global setup of the acceptance tests: an Airflow of their own, of the release and with
// the store that UPDRAFT_AIRFLOW and UPDRAFT_STORE name.
import { basename, join } from 'node:path';
import { startAirflow, stopAirflow } from './airflow-server.mjs';
import { provider, python, root, stateRoot, venv } from './paths.mjs';
import { ensurePython } from './setup.mjs';

/**
 * Without a Connection the provider keeps the store in a file in Airflow's home: for development,
 * and only by an explicit setting.
 * @type {Record<'postgresql' | 'sqlite', NodeJS.ProcessEnv>}
 */
const STORES = {
  postgresql: {},
  sqlite: { AIRFLOW_CONN_UPDRAFT_DEFAULT: undefined, AIRFLOW__UPDRAFT__DEV_SQLITE: 'True' },
};

/** Differs from the ports of servers that may start at the same moment. */
const PORT = 8200;

/**
 * Starts the server; the returned function stops the server again.
 * @param {{ provide: (name: 'server', value:
 *   { url: string, store: string, python: string, provider: string }) => void }} project
 */
export default async function setUp({ provide }) {
  const store = process.env['UPDRAFT_STORE'] === 'sqlite' ? 'sqlite' : 'postgresql';
  await ensurePython();
  const state = join(stateRoot, `acceptance-${store}-${basename(venv)}`);
  const environment = {
    ...STORES[store],
    AIRFLOW__CORE__DAGS_FOLDER: join(root, 'sw', 'acceptance', 'dags'),
    AIRFLOW__UPDRAFT__COLLECTIONS: join(root, 'sw', 'acceptance', 'collections.json'),
    // no test here needs the schedule, and a run each minute would take its share of the machine
    AIRFLOW__UPDRAFT__SYNC_SCHEDULE: '@daily',
  };
  const { airflowUrl } = await startAirflow({ state, environment, port: PORT });
  provide('server', { url: airflowUrl, store, python, provider });
  return async () => void (await stopAirflow({ state }));
}
