// npm run test:e2e [-- playwright arguments]
import { main } from './lib/problem.mjs';
import { closingLine, isGood } from './lib/counts.mjs';
import { ensureChromium, setup } from './lib/setup.mjs';
import { runStage } from './lib/stage.mjs';
import { e2eStage } from './lib/stages.mjs';

await main(async () => {
  await setup();
  const { counts } = await runStage(
    e2eStage(await ensureChromium(), ...(process.argv.length > 2 ? [process.argv.slice(2)] : [])),
  );
  process.stdout.write(`\n${closingLine(counts)}\n`);
  return isGood(counts) ? 0 : 1;
});
