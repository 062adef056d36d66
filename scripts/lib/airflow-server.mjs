// A real Airflow with an embedded PostgreSQL: start, stop, status. Tests and people share a server;
// `state` names another.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { airflowEnvironment, databaseUri, users } from './airflow-settings.mjs';
import { getJson, waitUntilReady } from './airflow-ready.mjs';
import {
  broken,
  isPrepared,
  notePrepared,
  openState,
  recordOf,
  secretsOf,
  stateAt,
  turnLogs,
  wipe,
  writeJson,
} from './airflow-state.mjs';
import { defaultState, python, venv } from './paths.mjs';
import { isAlive, withPidLock } from './pid-lock.mjs';
import { databaseStatus, seedDemo, startDatabase, stopDatabase } from './database.mjs';
import { claimPort, releasePorts } from './ports.mjs';
import { Problem, say as sayToPerson } from './problem.mjs';
import { endFamily, members } from './processes.mjs';

const DEFAULT_PORT = 8080;
/**
 * Forking a process that has imported Airflow is safe on Linux only; elsewhere the stock command
 * starts everything, twice as slowly.
 */
const forks = process.platform === 'linux';
/** @param {number} port */
const airflowAt = (port) => `http://127.0.0.1:${port}/airflow`;
const launcher = fileURLToPath(new URL('./airflow_launcher.py', import.meta.url));

/**
 * @typedef {{ state?: string, port?: number, fresh?: boolean, environment?: NodeJS.ProcessEnv,
 * signal?: AbortSignal, say?: (line: string) => void }} StartOptions
 *   `environment`: variables of its own for Airflow's processes; undefined takes one away
 * @typedef {Awaited<ReturnType<typeof airflowStatus>>} Status
 */

/** @param {import('./airflow-state.mjs').State} state */
const familyOf = (state) => ({
  leader: recordOf(state)?.leader,
  marker: `AIRFLOW_HOME=${state.home}`,
});

/** Returns the state of the server under a state folder. @param {{ state?: string }} [options] */
export async function airflowStatus({ state: folder = defaultState } = {}) {
  const state = stateAt(folder);
  const record = recordOf(state);
  const airflowUrl = airflowAt(record?.port ?? DEFAULT_PORT);
  const pids = await members(familyOf(state));
  const answers = pids.length > 0 && (await getJson(`${airflowUrl}/api/v2/version`)) !== undefined;
  const database = await databaseStatus(state.postgres);
  return {
    running: answers && record !== undefined && isAlive(record.leader),
    airflowUrl,
    apiUrl: `${airflowUrl}/api/v2`,
    uiUrl: `${airflowUrl}/`,
    users,
    storeUri: databaseUri(database.socketDir, 'updraft'),
    demoUri: databaseUri(database.socketDir, 'updraft_demo'),
    metadataUri: databaseUri(database.socketDir, 'airflow'),
    databaseRunning: database.running,
    stateDir: state.dir,
    logs: state.logs,
    leader: record?.leader,
    pids: [...pids, ...(database.pid === null ? [] : [database.pid])],
  };
}

/**
 * Starts the server unless it runs; resolves when a DAG run would be quick.
 * @param {StartOptions} [options]
 * @returns {Promise<Status>}
 */
export async function startAirflow({
  state: folder = defaultState,
  port,
  fresh = false,
  environment = {},
  signal,
  say = sayToPerson,
} = {}) {
  if (!existsSync(python)) throw new Problem(`Airflow is not installed in ${venv}. Run: npm start`);
  const state = stateAt(folder);
  return await withPidLock(state.lock, async () => {
    if (fresh) {
      await stopAll(state, false);
      wipe(state);
    }
    const before = await airflowStatus({ state: folder });
    if (before.running) return before;
    await endFamily(familyOf(state)); // the remains of a killed start
    openState(state);
    // a client that waits for this server finds the old port again
    const known = recordOf(state)?.port;
    const chosen = await claimPort(port ?? known ?? DEFAULT_PORT);
    if (port !== undefined && chosen !== port)
      say(`… port ${port} is taken, Airflow uses ${chosen}`);
    const taskPort = forks ? await claimPort(chosen + 1) : chosen;
    try {
      await launch(state, { port: chosen, taskPort }, environment, say, signal);
    } finally {
      releasePorts(chosen, taskPort);
    }
    return await airflowStatus({ state: folder });
  });
}

/**
 * @param {import('./airflow-state.mjs').State} state
 * @param {{ port: number, taskPort: number }} ports
 * @param {NodeJS.ProcessEnv} own
 * @param {(line: string) => void} say
 * @param {AbortSignal} [signal]
 */
async function launch(state, { port, taskPort }, own, say, signal) {
  const first = !isPrepared(state);
  say(
    first
      ? '… starting PostgreSQL and Airflow (the first time it also creates the databases)'
      : '… starting PostgreSQL and Airflow',
  );
  const socketDir = await startDatabase(state);
  turnLogs(state);
  const since = Date.now();
  const environment = {
    ...airflowEnvironment({
      home: state.home,
      socketDir,
      port,
      taskPort,
      secrets: secretsOf(state),
    }),
    ...own,
  };
  signal?.throwIfAborted();
  const leader = spawnLeader(state, environment, first);
  writeJson(state.record, { port, leader });
  try {
    await Promise.all([
      waitUntilReady({
        airflowUrl: airflowAt(port),
        taskUrl: airflowAt(taskPort),
        since,
        logs: state.logs,
        isAlive: () => isAlive(leader),
        signal,
        say,
      }),
      seedDemo(databaseUri(socketDir, 'updraft_demo'), environment),
    ]);
  } catch (error) {
    await stopAll(state, false);
    if (first && error instanceof Problem && /prepare\.log/.test(error.message))
      throw broken(state.dir, error.message);
    throw error;
  }
  if (first) notePrepared(state);
}

/**
 * Starts a separate session, so that Ctrl-C in this terminal does not reach the server before the
 * ordered stop.
 * @param {import('./airflow-state.mjs').State} state
 * @param {NodeJS.ProcessEnv} env
 * @param {boolean} prepare
 * @returns {number} pid
 */
function spawnLeader(state, env, prepare) {
  const log = openSync(join(state.logs, 'launcher.log'), 'a');
  const command = forks
    ? [python, launcher, state.logs, ...(prepare ? ['--prepare'] : [])]
    : [join(venv, 'bin', 'airflow'), 'standalone'];
  const child = spawn(command[0] ?? '', command.slice(1), {
    cwd: state.home,
    env,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  if (child.pid === undefined) throw new Problem(`${command[0]} cannot be run`);
  child.on('error', () => {});
  child.unref();
  return child.pid;
}

/**
 * Stops the server and makes sure that no process is left. `keepPostgres`: Airflow is down, its
 * data can still be read. `atOnce`: killed in the middle of its work.
 * @param {{ state?: string, keepPostgres?: boolean, atOnce?: boolean }} [options]
 * @returns {Promise<Status>}
 */
export async function stopAirflow({
  state: folder = defaultState,
  keepPostgres = false,
  atOnce = false,
} = {}) {
  const state = stateAt(folder);
  return await withPidLock(state.lock, async () => {
    await stopAll(state, keepPostgres, atOnce);
    return await airflowStatus({ state: folder });
  });
}

/**
 * @param {import('./airflow-state.mjs').State} state
 * @param {boolean} keepPostgres
 * @param {boolean} [atOnce]
 */
async function stopAll(state, keepPostgres, atOnce = false) {
  const survivors = await endFamily(familyOf(state), { atOnce });
  if (survivors.length > 0)
    throw new Problem(`These processes of Airflow do not end: ${survivors.join(' ')}`);
  if (keepPostgres) return;
  await stopDatabase(state);
  const pids = join(state.home, 'airflow-webserver.pid');
  rmSync(pids, { force: true });
}
