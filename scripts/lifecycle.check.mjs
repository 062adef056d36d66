// Checks the promises of `npm start` on a real server in a separate folder: a taken port is
// replaced, the app and Airflow share an origin, Ctrl-C and kill leave no process, a broken state
// folder is recognised. Half a minute on two cores.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { tokenOf } from './lib/airflow-ready.mjs';
import { airflowStatus, startAirflow, stopAirflow } from './lib/airflow-server.mjs';
import { isGood, none, sum } from './lib/counts.mjs';
import { root, stateRoot } from './lib/paths.mjs';
import { isAlive } from './lib/pid-lock.mjs';
import { freePort } from './lib/ports.mjs';
import { main, messageOf } from './lib/problem.mjs';
import { members } from './lib/processes.mjs';
import { sleep } from './lib/run.mjs';

const START_MS_MAX = 330_000;
const STOP_MS_MAX = 40_000;
const state = join(stateRoot, 'lifecycle');
/** @type {import('./lib/counts.mjs').Counts[]} */
const all = [];

await main(async () => {
  rmSync(join(stateRoot, 'reports', 'lifecycle.json'), { force: true });
  const taken = createServer();
  const wanted = await freePort(25_280);
  await new Promise((resolve) => taken.listen(wanted, '127.0.0.1', () => resolve(undefined)));
  try {
    await checkStart(wanted);
    await checkBroken();
  } finally {
    taken.close();
    await stopAirflow({ state });
    rmSync(state, { recursive: true, force: true });
  }
  const counts = sum(all);
  writeFileSync(join(stateRoot, 'reports', 'lifecycle.json'), JSON.stringify(counts));
  return isGood(counts) ? 0 : 1;
});

/** @param {number} wanted a port that is taken */
async function checkStart(wanted) {
  const start = spawn(
    process.execPath,
    [join(root, 'scripts', 'start.mjs'), '--state', state, '--fresh', '--port', String(wanted)],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  start.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = new Promise((resolve) => start.on('exit', resolve));
  try {
    const url = await waitForUrl(() => output, start);
    const status = await airflowStatus({ state });
    const pids = [...status.pids, start.pid ?? 0];
    await check(
      'a taken port is replaced by a free one',
      async () => new URL(url).port !== String(wanted) && (await fetch(url)).ok,
    );
    await check('starting a server that runs changes nothing', async () =>
      same(await startAirflow({ state }), status),
    );
    await check("a DAG run goes through the app's origin, with a token and with the cookie", () =>
      runsBothWays(url),
    );
    start.kill('SIGINT');
    const exitCode = await Promise.race([ended, sleep(STOP_MS_MAX)]);
    await check('Ctrl-C ends it in order', async () => exitCode === 0);
    await check('Ctrl-C leaves no process', async () => (await left(pids)).length === 0);
  } finally {
    start.kill('SIGKILL');
  }
}

/** @param {() => string} output @param {import('node:child_process').ChildProcess} start */
async function waitForUrl(output, start) {
  for (
    const deadline = Date.now() + START_MS_MAX;
    Date.now() < deadline && start.exitCode === null;
    await sleep(200)
  ) {
    const [, url] = /The app +(http\S+)/.exec(output()) ?? [];
    if (url) return url;
  }
  throw new Error(`npm start was not ready: ${output()}`);
}

/** @param {string} url */
async function runsBothWays(url) {
  const token = await tokenOf(`${url}/airflow`, 'ana');
  for (const headers of [{ authorization: `Bearer ${token}` }, { cookie: `_token=${token}` }]) {
    const runs = `${url}/airflow/api/v2/dags/updraft_exchange/dagRuns`;
    const body = JSON.stringify({
      dag_run_id: `lifecycle-${crypto.randomUUID()}`,
      logical_date: null,
      conf: {},
    });
    const made = await fetch(runs, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
    });
    const run = /** @type {{ dag_run_id: string, triggering_user_name: string }} */ (
      await made.json()
    );
    const lines = await (
      await fetch(`${runs}/${run.dag_run_id}/wait?interval=0.2&result=exchange`, { headers })
    ).text();
    if (run.triggering_user_name !== 'ana' || !/"state": "success"/.test(lines)) return false;
  }
  return true;
}

/** A damaged database, then a killed server's remains. */
async function checkBroken() {
  const control = join(state, 'postgres', 'global', 'pg_control');
  const whole = readFileSync(control);
  writeFileSync(control, 'damaged');
  const words = await startAirflow({ state, say: () => {} }).then(() => 'started', messageOf);
  await check(
    'a broken state folder is told apart, and says how to go on',
    async () => words.includes('npm start -- --fresh') && words.includes(state),
  );
  await check('a start that failed leaves no process', async () => (await left([])).length === 0);
  writeFileSync(control, whole);
}

/**
 * @param {number[]} pids known before
 * @returns {Promise<number[]>} living processes among them and in the server's family
 */
async function left(pids) {
  const family = await members({
    leader: undefined,
    marker: `AIRFLOW_HOME=${join(state, 'home')}`,
  });
  return [...new Set([...pids.filter(isAlive), ...family])];
}

/**
 * Whether both states are of the same server and leader; tasks and parsers come and go.
 * @param {import('./lib/airflow-server.mjs').Status} now
 * @param {import('./lib/airflow-server.mjs').Status} before
 */
function same(now, before) {
  return (
    before.leader !== undefined &&
    before.pids.includes(before.leader) &&
    now.leader === before.leader &&
    now.pids.includes(before.leader)
  );
}

/** @param {string} name @param {() => Promise<boolean>} work */
async function check(name, work) {
  const problem = await work().then((good) => (good ? '' : 'no'), messageOf);
  process.stdout.write(problem ? `✗ ${name}: ${problem}\n` : `✓ ${name}\n`);
  all.push(problem ? { ...none, failed: 1 } : { ...none, passed: 1 });
}
