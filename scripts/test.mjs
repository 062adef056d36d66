// npm test [-- part of a stage's name …]: installs missing tools, runs every check there is, and
// closes with one line: `N passed, N failed`. Two stages run at a time if neither is hurt: most of
// them wait for an Airflow.
import { runningServers, stopServers } from './lib/airflow-others.mjs';
import { ensureBrowsers } from './lib/browsers.mjs';
import { closingLine, isGood, none, sum } from './lib/counts.mjs';
import { messageOf } from './lib/problem.mjs';
import { ensureChromium, setup } from './lib/setup.mjs';
import { runLanes } from './lib/stage.mjs';
import {
  acceptanceStages,
  buildStages,
  e2eStages,
  lifecycleStage,
  plantedStage,
  pytestStage,
  pythonStaticStages,
  staticStages,
  vitestStage,
} from './lib/stages.mjs';

/** @type {import('./lib/stage.mjs').Result[]} */
const results = [];
const started_ms = Date.now();
const before = await runningServers();

await step('setup', async () => {
  await setup({ chromium: true });
  results.push({ name: 'setup', counts: none, seconds: (Date.now() - started_ms) / 1000 });
  const chromium = await ensureChromium();
  await ensureBrowsers();
  const e2e = e2eStages(chromium);
  const rounds = [
    [[...staticStages, vitestStage('unit'), ...buildStages], pythonStaticStages],
    [
      [pytestStage(), vitestStage('simulation')],
      [...acceptanceStages, lifecycleStage, plantedStage],
    ],
    [[e2e.most], [e2e.counting]],
    [[e2e.timed]],
  ];
  const wanted = process.argv.slice(2);
  const isWanted = (/** @type {{ name: string }} */ { name }) =>
    wanted.length === 0 || wanted.some((part) => name.includes(part));
  for (const lanes of rounds)
    results.push(...(await runLanes(lanes.map((lane) => lane.filter(isWanted)))));
});
await step('stopping what the tests started', () => stopServers(before));

process.stdout.write('\n');
for (const { name, counts, seconds } of results) {
  process.stdout.write(
    `${counts.failed > 0 ? '✗' : ' '} ${name.padEnd(44)} ` +
      `${closingLine(counts).padEnd(36)} ${seconds.toFixed(1).padStart(6)} s\n`,
  );
}
for (const { name, failures = [] } of results)
  for (const failure of failures) process.stdout.write(`  ✗ ${name}: ${failure}\n`);
const counts = sum(results.map((result) => result.counts));
process.stdout.write(
  `  ${'in all'.padEnd(81)} ` +
    `${((Date.now() - started_ms) / 1000).toFixed(1).padStart(6)} ` +
    `s\n\n${closingLine(counts)}\n`,
);
process.exitCode = isGood(counts) ? 0 : 1;

/**
 * Runs a step; an error outside a stage is a failure, not a crash without a closing line.
 * @param {string} name
 * @param {() => Promise<unknown>} work
 */
async function step(name, work) {
  try {
    await work();
  } catch (error) {
    process.stdout.write(`\n✗ ${messageOf(error)}\n`);
    results.push({ name, counts: { ...none, failed: 1 }, seconds: 0 });
  }
}
