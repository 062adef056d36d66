// npm test [-- part of a stage's name …]: installs what is missing, runs every check there is, and closes with one line: `N passed, N failed`.
import { runningServers, stopServers } from './lib/airflow-others.mjs';
import { ensureBrowsers } from './lib/browsers.mjs';
import { closingLine, isGood, none, sum } from './lib/counts.mjs';
import { messageOf } from './lib/problem.mjs';
import { ensureChromium, setup } from './lib/setup.mjs';
import { runStage } from './lib/stage.mjs';
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

/** @type {Array<Awaited<ReturnType<typeof runStage>>>} */
const results = [];
const started_ms = Date.now();
const before = await runningServers();

await step('setup', async () => {
  await setup({ chromium: true });
  results.push({ name: 'setup', counts: none, seconds: (Date.now() - started_ms) / 1000 });
  const chromium = await ensureChromium();
  await ensureBrowsers();
  const stages = [
    ...staticStages,
    vitestStage('unit'),
    ...pythonStaticStages,
    pytestStage(),
    vitestStage('simulation'),
    ...acceptanceStages,
    ...buildStages,
    lifecycleStage,
    ...e2eStages(chromium),
    plantedStage,
  ];
  const wanted = process.argv.slice(2);
  for (const stage of stages.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))) results.push(await runStage(stage));
});
await step('stopping what the tests started', () => stopServers(before));

process.stdout.write('\n');
for (const { name, counts, seconds } of results) {
  process.stdout.write(`${counts.failed > 0 ? '✗' : ' '} ${name.padEnd(44)} ${closingLine(counts).padEnd(36)} ${seconds.toFixed(1).padStart(6)} s\n`);
}
const counts = sum(results.map((result) => result.counts));
process.stdout.write(`  ${'in all'.padEnd(81)} ${((Date.now() - started_ms) / 1000).toFixed(1).padStart(6)} s\n\n${closingLine(counts)}\n`);
process.exitCode = isGood(counts) ? 0 : 1;

/** Whatever breaks outside a stage is one failure, not a crash without a closing line. @param {string} name @param {() => Promise<unknown>} work */
async function step(name, work) {
  try {
    await work();
  } catch (error) {
    process.stdout.write(`\n✗ ${messageOf(error)}\n`);
    results.push({ name, counts: { ...none, failed: 1 }, seconds: 0 });
  }
}
