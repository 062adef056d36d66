// npm start [-- --fresh --port N --state FOLDER]: everything a newcomer needs, running until
// Ctrl-C.
import { parseArgs } from 'node:util';
import { unpauseDag } from './lib/airflow-ready.mjs';
import { airflowStatus, startAirflow, stopAirflow } from './lib/airflow-server.mjs';
import { portOf } from './lib/arguments.mjs';
import { buildDemo } from './lib/demo-build.mjs';
import { defaultState } from './lib/paths.mjs';
import { main, messageOf, say } from './lib/problem.mjs';
import { serveDemo } from './lib/serve.mjs';
import { setup } from './lib/setup.mjs';

/** Functions that undo what was started, last first. @type {Array<() => Promise<unknown>>} */
const undo = [];
const started_ms = Date.now();
/**
 * The demo's own DAG on captured records; the tests, which watch each record closely, leave it
 * paused.
 */
const PIPELINE = 'inspection_scoring';
const interrupted = new AbortController();
/** @type {Promise<unknown>} */
let starting = Promise.resolve();
/** @type {Promise<void> | undefined} */
let ending;

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => void end(0));
// An uncaught error must not leave processes either.
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    say(`\n✗ ${messageOf(error)}`);
    void end(1);
  });
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      fresh: { type: 'boolean', default: false },
      port: { type: 'string' },
      state: { type: 'string', default: defaultState },
    },
  });
  const port = portOf(values.port);
  try {
    await setup();
    if (isEnding()) return;
    const airflow = await ownAirflow(values.state, values.fresh);
    const [dir] = await Promise.all([buildDemo(), unpauseDag(airflow.airflowUrl, PIPELINE)]);
    if (isEnding()) return;
    const site = await serveDemo({ airflowUrl: airflow.airflowUrl, dir, ...port });
    undo.push(() => site.close());
    welcome(site.url, airflow);
    if (port.port !== undefined && site.port !== port.port) say(`(port ${port.port} is taken)`);
  } catch (error) {
    if (!isEnding()) say(`\n✗ ${messageOf(error)}`);
    await end(1);
  }
});

/**
 * Uses a server that runs already, and leaves that server running at the end.
 * @param {string} state
 * @param {boolean} fresh
 */
async function ownAirflow(state, fresh) {
  const before = await airflowStatus({ state });
  if (before.running && !fresh) return before;
  undo.push(() => stopAirflow({ state }));
  const airflow = startAirflow({ state, fresh, signal: interrupted.signal });
  starting = airflow.catch(() => {}); // an interrupted start ends by itself, and is then undone
  return await airflow;
}

/** Checked after each await, since a signal may come at any. */
function isEnding() {
  return ending !== undefined;
}

/** @param {string} url @param {import('./lib/airflow-server.mjs').Status} airflow */
function welcome(url, airflow) {
  const users = airflow.users
    .map(({ name, password, role }) => `${name} / ${password} (${role})`)
    .join(' · ');
  process.stdout.write(`
Updraft is ready after ${Math.round((Date.now() - started_ms) / 1000)} s.

  The app            ${url}
  Airflow's own UI   ${url}/airflow/
  Sign in as         ${users}
  State and logs     ${airflow.stateDir}

  Ctrl-C stops everything.
`);
}

/**
 * Stops in reverse order everything that was started; a second signal changes nothing.
 * @param {number} exitCode
 * @returns {Promise<void>}
 */
function end(exitCode) {
  ending ??= (async () => {
    if (undo.length > 0) say('\n… stopping');
    interrupted.abort();
    await starting;
    for (const step of undo.reverse()) {
      await step().catch((error) => {
        say(messageOf(error));
        exitCode = 1;
      });
    }
    if (undo.length > 0 && exitCode === 0) say('Everything is stopped.');
    process.exit(exitCode);
  })();
  return ending;
}
