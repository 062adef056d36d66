// npm run test:browsers
// Runs the story for browsers without Background Sync in Firefox and WebKitGTK.
import { ensureBrowsers } from './lib/browsers.mjs';
import { closingLine, isGood } from './lib/counts.mjs';
import { main } from './lib/problem.mjs';
import { ensureChromium, setup } from './lib/setup.mjs';
import { runStage } from './lib/stage.mjs';
import { browsersStage } from './lib/stages.mjs';

await main(async () => {
  await setup();
  await ensureBrowsers();
  const { counts } = await runStage(browsersStage(await ensureChromium()));
  process.stdout.write(`\n${closingLine(counts)}\n`);
  return isGood(counts) ? 0 : 1;
});
