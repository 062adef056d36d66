// npm run bench -- server [--only PART,…] | replay [--without-workbox] |
// capture [--quick] [--only PART,…]: prints a JSON line {figure, value, unit} per figure on stdout;
// progress goes to stderr.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAirflow, stopAirflow } from './lib/airflow-server.mjs';
import { provider, python, root, stateRoot } from './lib/paths.mjs';
import { main, Problem } from './lib/problem.mjs';
import { run, show } from './lib/run.mjs';
import { ensurePython } from './lib/setup.mjs';

const WITHOUT_WORKBOX = '--without-workbox';
/** @type {Record<string, (more: string[]) => Promise<void>>} */
const benches = { server, replay };
/** Reads the options itself, and needs neither Airflow nor Python. */
const CAPTURE = 'capture';

await main(async () => {
  const [name = '', ...more] = process.argv.slice(2);
  if (name === CAPTURE) return runBench(CAPTURE, more);
  const bench = benches[name];
  const isPart =
    name === 'server' ? more.length === 2 && more[0] === '--only' : more.join() === WITHOUT_WORKBOX;
  if (!bench || (more.length > 0 && !isPart))
    throw new Problem(
      `npm run bench -- server [--only exchange100,push,…] | replay [${WITHOUT_WORKBOX}] | ` +
        'capture [--quick] [--only awaited,inflight32,…]',
    );
  await ensurePython();
  await bench(more);
});

/**
 * Measures the replay: 10,000 records captured offline, beside a raw Workbox queue, a raw POST and
 * a raw put (bench/replay.mjs).
 * @param {string[]} more
 */
async function replay(more) {
  await runBench('replay', more);
}

/** Runs a bench of `bench/` to the end. @param {string} name @param {string[]} more */
async function runBench(name, more) {
  if ((await show(process.execPath, [join(root, 'bench', `${name}.mjs`), ...more])) !== 0)
    throw new Problem('The bench failed.');
}

/**
 * Measures the server: a separate Airflow with an empty store, once on each database.
 * @param {string[]} more names of the parts to measure
 */
async function server(more) {
  // Only this part has figures on SQLite.
  const both = more.length === 0 || more[1]?.split(',').includes('push');
  const collections = join(stateRoot, 'bench-collections.json');
  writeFileSync(collections, await run(python, ['bench/declaration.py'], { cwd: provider }));
  for (const database of both ? ['postgresql', 'sqlite'] : ['postgresql']) {
    const state = join(stateRoot, `bench-${database}`);
    const sqlite = {
      AIRFLOW_CONN_UPDRAFT_DEFAULT: undefined,
      AIRFLOW__UPDRAFT__DEV_SQLITE: 'True',
    };
    // All devices and streams of the bench belong to a single user.
    const room = {
      AIRFLOW__UPDRAFT__REPLICAS_PER_USER_MAX: '1000000',
      AIRFLOW__UPDRAFT__STREAMS_PER_USER_MAX: '1000000',
    };
    const environment = {
      ...(database === 'sqlite' ? sqlite : {}),
      ...room,
      AIRFLOW__UPDRAFT__COLLECTIONS: collections,
    };
    const { airflowUrl, storeUri, stateDir } = await startAirflow({
      state,
      environment,
      fresh: true,
    });
    try {
      const store =
        database === 'sqlite' ? `sqlite:///${join(stateDir, 'home', 'updraft.db')}` : storeUri;
      const code = await show(
        python,
        ['bench/server.py', '--url', airflowUrl, '--store', store, ...more],
        { cwd: provider },
      );
      if (code !== 0) throw new Problem('The bench failed.');
    } finally {
      await stopAirflow({ state });
    }
  }
}
