// Vitest's global setup of the acceptance tests: an Airflow of their own, with the store that UPDRAFT_STORE names.
import { join } from 'node:path';
import { startAirflow, stopAirflow } from './airflow-server.mjs';
import { root, stateRoot } from './paths.mjs';

/**
 * Without its Connection the provider keeps the store in a file in Airflow's home: for development, and only where it is told so.
 * @type {Record<'postgresql' | 'sqlite', NodeJS.ProcessEnv>}
 */
const STORES = { postgresql: {}, sqlite: { AIRFLOW_CONN_UPDRAFT_DEFAULT: undefined, AIRFLOW__UPDRAFT__DEV_SQLITE: 'True' } };

/** What was started here is stopped here. @param {{ provide: (name: 'server', value: { url: string, store: string }) => void }} project */
export default async function setUp({ provide }) {
  const store = process.env['UPDRAFT_STORE'] === 'sqlite' ? 'sqlite' : 'postgresql';
  const state = join(stateRoot, `acceptance-${store}`);
  const environment = { ...STORES[store], AIRFLOW__UPDRAFT__COLLECTIONS: join(root, 'sw', 'acceptance', 'collections.json') };
  const { airflowUrl } = await startAirflow({ state, environment });
  provide('server', { url: airflowUrl, store });
  return async () => void (await stopAirflow({ state }));
}
