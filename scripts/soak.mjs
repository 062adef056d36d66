// npm run soak [-- playwright arguments]
// Repeats the random and timed tests many times; `npm test` runs them a few times.
// `UPDRAFT_RUNS=1000 npm run soak`: 1,000 stories of each property of the simulation.
import { closingLine, isGood, sum } from './lib/counts.mjs';
import { main } from './lib/problem.mjs';
import { ensureChromium, setup } from './lib/setup.mjs';
import { runStage } from './lib/stage.mjs';
import { e2eStage, pytestStage, vitestStage } from './lib/stages.mjs';

const LIMIT_MS = 60 * 60_000;
/** Variables that are set already, to repeat an earlier run, stay. */
const env = {
  UPDRAFT_WORKER_KILLS: '400',
  UPDRAFT_BROWSER_KILLS: '30',
  UPDRAFT_OFFLINE_TRIES: '50',
  UPDRAFT_CABLE_TRIES: '10',
  UPDRAFT_TAB_STEPS: '500',
  UPDRAFT_TEMPLATES: '4',
  UPDRAFT_BY_DAG: 'all',
  UPDRAFT_RESTARTS: '6',
  UPDRAFT_WIRE_FAULTS: '60',
  UPDRAFT_RUNS: '60',
  UPDRAFT_DOCUMENTS: '100000',
  UPDRAFT_SCHEMAS: '10000',
  UPDRAFT_FUZZED: '100000',
  UPDRAFT_HOSTILE_SEEDS: '24',
  UPDRAFT_E2E_MS_MAX: String(LIMIT_MS),
};
/** Stories of each property that an hour is enough for. */
const RUNS_AN_HOUR = 100;
/**
 * The kill loop must catch a worker that acknowledges captures before storing, or the loop proves
 * nothing.
 */
const PLANTED = { UPDRAFT_PLANTED_BUG: 'acknowledge-before-commit', UPDRAFT_WORKER_KILLS: '20' };

await main(async () => {
  await setup();
  const own = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, process.env[name] ?? value]),
  );
  const limit_ms = LIMIT_MS * Math.max(1, Number(own['UPDRAFT_RUNS']) / RUNS_AN_HOUR);
  const chromium = await ensureChromium();
  /**
   * @param {string} name
   * @param {import('./lib/stage.mjs').Stage} stage
   * @param {NodeJS.ProcessEnv} [more]
   */
  const soak = async (name, stage, more) =>
    (await runStage({ ...stage, name, env: { ...stage.env, ...own, ...more }, limit_ms })).counts;
  /** @param {string[]} args */
  const plugin = (args) => e2eStage(chromium, ['--project=plugin', ...args]);
  const asked = process.argv.slice(2);
  const counts = [
    await soak(
      'soak',
      plugin(
        asked.length > 0
          ? asked
          : ['kill-loop', 'connectivity', 'five-tabs', 'airflow-down', 'ambiguous-answers', 'pack'],
      ),
    ),
  ];
  if (asked.length === 0) {
    counts.push(
      await soak(
        'soak by DAG runs',
        e2eStage(chromium, [
          '--project=dag',
          'airflow-down',
          'ambiguous-answers',
          'credentials',
          'demo',
        ]),
      ),
    );
    counts.push(await soak('simulation, soaked', vitestStage('simulation', '-soak')));
    counts.push(
      await soak(
        'exchanges, fuzzed',
        pytestStage(['tests/test_optional_keys.py', 'tests/test_hostile.py']),
      ),
    );
    const caught = await soak(
      'the kill loop with a planted bug: it must fail',
      plugin(['kill-loop', '--grep=faults 1']),
      PLANTED,
    );
    counts.push({ passed: caught.failed, failed: caught.passed, skipped: 0 });
  }
  process.stdout.write(`\n${closingLine(sum(counts))}\n`);
  return isGood(sum(counts)) ? 0 : 1;
});
