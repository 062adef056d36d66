import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { airflowStatus, stopAirflow } from './airflow-server.mjs';
import { stateRoot } from './paths.mjs';

/**
 * The state folders in this checkout whose server has a living process.
 * @returns {Promise<string[]>}
 */
export async function runningServers() {
  const states = existsSync(stateRoot)
    ? readdirSync(stateRoot).map((name) => join(stateRoot, name))
    : [];
  const running = [];
  for (const state of states.filter((folder) => existsSync(join(folder, 'format.json')))) {
    if ((await airflowStatus({ state })).pids.length > 0) running.push(state);
  }
  return running;
}

/**
 * Stops all servers but the given: killed tests may have left servers running.
 * @param {string[]} but
 */
export async function stopServers(but) {
  for (const state of await runningServers()) {
    if (!but.includes(state)) await stopAirflow({ state });
  }
}
