// npm run bench -- server | replay   Prints one JSON line {figure, value, unit} a figure on stdout; progress goes to stderr.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAirflow, stopAirflow } from './lib/airflow-server.mjs';
import { provider, python, root, stateRoot } from './lib/paths.mjs';
import { main, Problem } from './lib/problem.mjs';
import { run, show } from './lib/run.mjs';
import { ensurePython } from './lib/setup.mjs';

const WITHOUT_WORKBOX = '--without-workbox';
/** @type {Record<string, (options: string[]) => Promise<void>>} */
const benches = { server, replay };

await main(async () => {
  const [name = '', ...options] = process.argv.slice(2);
  const bench = benches[name];
  const isKnown = options.length === 0 || (name === 'replay' && options.join() === WITHOUT_WORKBOX);
  if (!bench || !isKnown) throw new Problem(`npm run bench -- server | replay [${WITHOUT_WORKBOX}]`);
  await ensurePython();
  await bench(options);
});

/** The replay's figures: 10,000 records captured offline, beside a raw Workbox queue, a raw POST and a raw put (bench/replay.mjs). @param {string[]} options */
async function replay(options) {
  if ((await show(process.execPath, [join(root, 'bench', 'replay.mjs'), ...options])) !== 0) throw new Problem('The bench failed.');
}

/** The server's figures: an Airflow of its own with an empty store, once on each database. */
async function server() {
  const collections = join(stateRoot, 'bench-collections.json');
  writeFileSync(collections, await run(python, ['bench/declaration.py'], { cwd: provider }));
  for (const database of /** @type {const} */ (['postgresql', 'sqlite'])) {
    const state = join(stateRoot, `bench-${database}`);
    const sqlite = { AIRFLOW_CONN_UPDRAFT_DEFAULT: undefined, AIRFLOW__UPDRAFT__DEV_SQLITE: 'True' };
    const environment = { ...(database === 'sqlite' ? sqlite : {}), AIRFLOW__UPDRAFT__COLLECTIONS: collections };
    const { airflowUrl, storeUri, stateDir } = await startAirflow({ state, environment, fresh: true });
    try {
      const store = database === 'sqlite' ? `sqlite:///${join(stateDir, 'home', 'updraft.db')}` : storeUri;
      const code = await show(python, ['bench/server.py', '--url', airflowUrl, '--store', store], { cwd: provider });
      if (code !== 0) throw new Problem('The bench failed.');
    } finally {
      await stopAirflow({ state });
    }
  }
}
