import { findChromium } from '../../scripts/lib/tools.mjs';
import { airflowStatus, startAirflow, stopAirflow } from '../../scripts/lib/airflow-server.mjs';
import { buildDemo } from '../../scripts/lib/demo-build.mjs';
import { AirflowApi, share, testState } from './airflow.ts';
import { exportsPaused } from './exports.ts';
import { lane } from './lane.ts';
import { removeLeftNamespaces } from './netns.ts';
import { Sql } from './sql.ts';

const FIRST_PORT = 8240;

/**
 * Starts an Airflow and makes a build of the demo for the whole suite. The returned function stops
 * the server that was started here, unless another run is to use the server.
 */
export default async function setUp(): Promise<() => Promise<void>> {
  removeLeftNamespaces();
  const chromium = await findChromium();
  if (chromium === undefined)
    throw new Error(
      'No Chromium was found. Install it, or name it: UPDRAFT_CHROMIUM=/path npm run test:e2e',
    );
  const { running } = await airflowStatus({ state: testState });
  const [airflow, dir] = await Promise.all([
    startAirflow({ state: testState, port: FIRST_PORT + 20 * lane }),
    process.env['UPDRAFT_E2E_DIR'] ?? buildDemo(),
  ]);
  share({ airflow, chromium, dir });
  const tearDown = async (): Promise<void> => {
    if (!running && process.env['UPDRAFT_KEEP_AIRFLOW'] === undefined)
      await stopAirflow({ state: testState });
  };
  try {
    await exportsPaused(new AirflowApi(airflow.airflowUrl), true);
    await forgetEarlierRuns(airflow.storeUri);
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}

/** Deletes records of earlier runs, which would only make every first pull longer. */
async function forgetEarlierRuns(storeUri: string): Promise<void> {
  const sql = new Sql();
  const [{ there } = { there: false }] = await sql.query<{ there: boolean }>(
    storeUri,
    `SELECT to_regclass('updraft_records') IS NOT NULL AS there`,
  );
  if (there)
    await sql.query(storeUri, `DELETE FROM updraft_records WHERE collection = 'inspections'`);
  sql.close();
}
