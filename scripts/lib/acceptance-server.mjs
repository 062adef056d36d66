// Vitest's global setup of the acceptance tests: an Airflow of their own, of the release and with the store that UPDRAFT_AIRFLOW and UPDRAFT_STORE name.
import { basename, join } from 'node:path';
import { startAirflow, stopAirflow } from './airflow-server.mjs';
import { provider, python, root, stateRoot, venv } from './paths.mjs';
import { ensurePython } from './setup.mjs';

/**
 * Without its Connection the provider keeps the store in a file in Airflow's home: for development, and only where it is told so.
 * @type {Record<'postgresql' | 'sqlite', NodeJS.ProcessEnv>}
 */
const STORES = { postgresql: {}, sqlite: { AIRFLOW_CONN_UPDRAFT_DEFAULT: undefined, AIRFLOW__UPDRAFT__DEV_SQLITE: 'True' } };

/** Away from those of the servers that may start at the same moment. */
const PORT = 8200;

/** What was started here is stopped here. @param {{ provide: (name: 'server', value: { url: string, store: string, python: string, provider: string }) => void }} project */
export default async function setUp({ provide }) {
  const store = process.env['UPDRAFT_STORE'] === 'sqlite' ? 'sqlite' : 'postgresql';
  await ensurePython();
  const state = join(stateRoot, `acceptance-${store}-${basename(venv)}`);
  const environment = {
    ...STORES[store],
    AIRFLOW__CORE__DAGS_FOLDER: join(root, 'sw', 'acceptance', 'dags'),
    AIRFLOW__UPDRAFT__COLLECTIONS: join(root, 'sw', 'acceptance', 'collections.json'),
    AIRFLOW__UPDRAFT__SYNC_SCHEDULE: '@daily', // nothing here is about it, and each minute's run would take its share of the machine
  };
  const { airflowUrl } = await startAirflow({ state, environment, port: PORT });
  provide('server', { url: airflowUrl, store, python, provider });
  return async () => void (await stopAirflow({ state }));
}
