import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { airflowStatus, stopAirflow } from './airflow-server.mjs';
import { defaultState } from './paths.mjs';

/** Stop every server under a folder but the one `npm start` uses: tests may have been killed before they could. @param {string} folder */
export async function stopOthers(folder) {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const state = join(folder, name);
    if (state === defaultState || !existsSync(join(state, 'format.json'))) continue;
    if ((await airflowStatus({ state })).pids.length > 0) await stopAirflow({ state });
  }
}
