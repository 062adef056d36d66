// npm run test:python [-- pytest arguments]: ruff, mypy and pytest; with arguments pytest alone.
import { main } from './lib/problem.mjs';
import { closingLine, isGood, sum } from './lib/counts.mjs';
import { ensurePython } from './lib/setup.mjs';
import { runStage } from './lib/stage.mjs';
import { pytestStage, pythonStaticStages } from './lib/stages.mjs';

await main(async () => {
  await ensurePython();
  const args = process.argv.slice(2);
  const all = [];
  for (const stage of [...(args.length > 0 ? [] : pythonStaticStages), pytestStage(args)])
    all.push((await runStage(stage)).counts);
  const counts = sum(all);
  process.stdout.write(`\n${closingLine(counts)}\n`);
  return isGood(counts) ? 0 : 1;
});
