import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { databases } from './airflow-settings.mjs';
import { broken } from './airflow-state.mjs';
import { provider, python } from './paths.mjs';
import { Problem } from './problem.mjs';
import { capture, tail } from './run.mjs';

const script = fileURLToPath(new URL('./postgres.py', import.meta.url));
const BROKEN_DATA_FOLDER = 3; // exit code of postgres.py
const SEED_MODULE = 'demo_seed';

/** @typedef {import('./airflow-state.mjs').State} State */
/**
 * @typedef {{ running: boolean, pid: number | null, socketDir: string, error?: string }}
 *   DatabaseStatus
 */

/**
 * @param {string} action
 * @param {string} folder
 * @param {string[]} [more]
 * @returns {Promise<DatabaseStatus & { code: number }>}
 */
async function postgres(action, folder, more = []) {
  const done = await capture(python, [script, action, folder, ...more], { detached: true });
  try {
    return { code: done.code, ...JSON.parse(done.stdout) };
  } catch {
    throw new Problem(`PostgreSQL did not ${action}:\n${tail(done.stderr)}`);
  }
}

/** @param {string} folder @returns {Promise<DatabaseStatus>} */
export async function databaseStatus(folder) {
  const none = { running: false, pid: null, socketDir: folder };
  return existsSync(python) && existsSync(folder) ? await postgres('status', folder) : none;
}

/**
 * Starts the server with all databases.
 * @param {State} state
 * @returns {Promise<string>} the socket's folder
 */
export async function startDatabase(state) {
  const status = await postgres('start', state.postgres, databases);
  if (status.code === BROKEN_DATA_FOLDER)
    throw broken(state.dir, `PostgreSQL does not start from it.\n${status.error ?? ''}`);
  if (!status.running)
    throw new Problem(`PostgreSQL does not run: ${status.error ?? 'no reason given'}`);
  return status.socketDir;
}

/** @param {State} state */
export async function stopDatabase(state) {
  if (!existsSync(state.postgres) || !existsSync(python)) return;
  const status = await postgres('stop', state.postgres);
  if (status.running) throw new Problem(`PostgreSQL (${status.pid}) does not end.`);
}

/**
 * Creates the demo's own tables, unless the tables exist.
 * @param {string} uri
 * @param {NodeJS.ProcessEnv} env
 */
export async function seedDemo(uri, env) {
  if (!existsSync(join(provider, 'airflow_updraft', `${SEED_MODULE}.py`))) return;
  const done = await capture(python, ['-m', `airflow_updraft.${SEED_MODULE}`, uri], { env });
  if (done.code !== 0)
    throw new Problem(`The demo's tables could not be made:\n${tail(done.stderr)}`);
}
