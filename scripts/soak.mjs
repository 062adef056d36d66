// npm run soak [-- playwright arguments]   The tests that are random or timed, as often as it takes to be sure; `npm test` runs them a few times.
import { closingLine, isGood } from './lib/counts.mjs';
import { main } from './lib/problem.mjs';
import { ensureChromium, setup } from './lib/setup.mjs';
import { runStage } from './lib/stage.mjs';
import { e2eStage } from './lib/stages.mjs';

const LIMIT_MS = 60 * 60_000;
/** What is set already, to draw a run again, stays. */
const env = {
  UPDRAFT_WORKER_KILLS: '400',
  UPDRAFT_BROWSER_KILLS: '30',
  UPDRAFT_OFFLINE_TRIES: '50',
  UPDRAFT_CABLE_TRIES: '10',
  UPDRAFT_TAB_STEPS: '500',
  UPDRAFT_RESTARTS: '6',
  UPDRAFT_E2E_MS_MAX: String(LIMIT_MS),
};

await main(async () => {
  await setup();
  const own = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, process.env[name] ?? value]));
  const args = process.argv.length > 2 ? process.argv.slice(2) : ['kill-loop', 'connectivity', 'five-tabs', 'airflow-down'];
  const stage = e2eStage(await ensureChromium(), ['--project=plugin', ...args]);
  const { counts } = await runStage({ ...stage, name: 'soak', env: { ...stage.env, ...own }, limit_ms: LIMIT_MS });
  process.stdout.write(`\n${closingLine(counts)}\n`);
  return isGood(counts) ? 0 : 1;
});
