// Decides when a started Airflow may be used: the server answers, all parts beat, the DAGs are
// there, and the first task will not be slow.
import { readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { pool } from './airflow-settings.mjs';
import { Problem } from './problem.mjs';
import { sleep, tail } from './run.mjs';

const READY_MS_MAX = 300_000;
const DAG_KNOWN_MS_MAX = 60_000;
const DAGS = ['updraft_exchange'];

/**
 * @typedef {{ airflowUrl: string, taskUrl: string, since: number, logs: string,
 *   isAlive: () => boolean, signal: AbortSignal | undefined, say: (line: string) => void
 * }} Starting
 */

/** @param {Starting} starting */
export async function waitUntilReady(starting) {
  const deadline = Date.now() + READY_MS_MAX;
  await Promise.all([
    // Airflow builds its routes at the first request and is stalled for seconds: make that request
    // now.
    until(
      'the task API',
      deadline,
      starting,
      async () => (await getJson(`${starting.taskUrl}/execution/health`)) !== undefined,
    ),
    untilPartsWork(deadline, starting),
  ]);
}

/** @param {number} deadline @param {Starting} starting */
async function untilPartsWork(deadline, starting) {
  await until(
    'the API server',
    deadline,
    starting,
    async () => (await getJson(`${starting.airflowUrl}/api/v2/version`)) !== undefined,
  );
  starting.say('… API server answers');
  await until('scheduler, triggerer and DAG processor', deadline, starting, () =>
    allPartsBeat(starting),
  );
  const token = await tokenOf(starting.airflowUrl, 'admin');
  await send('POST', `${starting.airflowUrl}/api/v2/pools`, pool, token); // 409 if the pool exists
  await until('the DAGs', deadline, starting, () => dagsAreThere(starting, token));
}

/**
 * @param {string} what
 * @param {number} deadline
 * @param {Starting} starting
 * @param {() => Promise<boolean>} done
 */
async function until(what, deadline, starting, done) {
  while (!(await done())) {
    starting.signal?.throwIfAborted();
    if (!starting.isAlive()) throw new Problem(whyEnded(logTails(starting.logs)));
    if (Date.now() > deadline)
      throw new Problem(
        `Airflow is not ready after ${READY_MS_MAX / 1000} s: ${what} ` +
          `missing.\n${logTails(starting.logs)}`,
      );
    await sleep(150);
  }
}

/**
 * Returns the words for a start that failed.
 * @param {string} logs the ends of its logs
 */
export const whyEnded = (logs) =>
  /address already in use/i.test(logs)
    ? 'Airflow ended while it started: another program took its port meanwhile. Start it again; ' +
      `it then takes another port.\n${logs}`
    : `Airflow ended while it started.\n${logs}`;

/** @param {Starting} starting */
async function allPartsBeat({ airflowUrl, since }) {
  const health = await getJson(`${airflowUrl}/api/v2/monitor/health`);
  return ['scheduler', 'triggerer', 'dag_processor'].every((part) => {
    // the last run's beats are still in the database
    const beat = health?.[part]?.[`latest_${part}_heartbeat`];
    return typeof beat === 'string' && Date.parse(beat) >= since;
  });
}

/** @param {Starting} starting @param {string} token */
async function dagsAreThere({ airflowUrl }, token) {
  const apiUrl = `${airflowUrl}/api/v2`;
  for (const id of DAGS) {
    const dag = await getJson(`${apiUrl}/dags/${id}`, token);
    if (dag === undefined) {
      const errors = (await getJson(`${apiUrl}/importErrors`, token))?.import_errors ?? [];
      if (errors.length > 0)
        throw new Problem(
          `Airflow cannot read a DAG file: ${errors[0].filename}\n${tail(errors[0].stack_trace)}`,
        );
      return false;
    }
    if (dag.is_paused) await send('PATCH', `${apiUrl}/dags/${id}`, { is_paused: false }, token);
  }
  return true;
}

/** Unpause a DAG as soon as Airflow knows it. @param {string} airflowUrl @param {string} id */
export async function unpauseDag(airflowUrl, id) {
  const token = await tokenOf(airflowUrl, 'admin');
  const deadline = Date.now() + DAG_KNOWN_MS_MAX;
  while (
    !(await send('PATCH', `${airflowUrl}/api/v2/dags/${id}`, { is_paused: false }, token)).ok
  ) {
    if (Date.now() > deadline)
      throw new Problem(`Airflow does not find the DAG ${id} in ${DAG_KNOWN_MS_MAX / 1000} s.`);
    await sleep(500);
  }
}

/** @param {string} airflowUrl @param {string} name a demo user */
export async function tokenOf(airflowUrl, name) {
  const response = await send('POST', `${airflowUrl}/auth/token`, {
    username: name,
    password: name,
  });
  const { access_token: token } = /** @type {{ access_token?: string }} */ (await response.json());
  if (!token) throw new Problem(`The demo user ${name} cannot sign in (${response.status}).`);
  return token;
}

/**
 * Returns undefined without a good answer.
 * @param {string} url
 * @param {string} [token]
 * @returns {Promise<any>}
 */
export async function getJson(url, token) {
  try {
    const headers = token ? { authorization: `Bearer ${token}` } : undefined;
    const response = await fetch(url, {
      ...(headers && { headers }),
      signal: AbortSignal.timeout(20_000),
    });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} method @param {string} url @param {object} body @param {string} [token] */
async function send(method, url, body, token) {
  const headers = {
    'content-type': 'application/json',
    ...(token && { authorization: `Bearer ${token}` }),
  };
  return await fetch(url, {
    method,
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
}

/** Returns the end of every log that is not empty. @param {string} logs */
export function logTails(logs) {
  return [
    'prepare',
    'launcher',
    'api-server',
    'task-api',
    'scheduler',
    'dag-processor',
    'triggerer',
  ]
    .map((name) => join(logs, `${name}.log`))
    .filter((file) => existsSync(file) && readFileSync(file).length > 0)
    .map((file) => `── ${file}\n${tail(readFileSync(file, 'utf8'), 8)}`)
    .join('\n');
}
