// npm run test:planted [-- BUG…]: each planted bug must turn its named test red.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closingLine, isGood, none, sum } from './lib/counts.mjs';
import { stateRoot } from './lib/paths.mjs';
import { plantedBugs, problemWith } from './lib/planted-bugs.mjs';
import { main, Problem } from './lib/problem.mjs';
import { setup } from './lib/setup.mjs';

await main(async () => {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !plantedBugs.some(({ bug }) => bug === name));
  if (unknown.length > 0)
    throw new Problem(
      `No such planted bug: ${unknown.join(', ')}. There are: ` +
        plantedBugs.map(({ bug }) => bug).join(', '),
    );
  await setup();
  mkdirSync(join(stateRoot, 'reports'), { recursive: true });
  const all = [];
  for (const planted of plantedBugs.filter(
    ({ bug }) => wanted.length === 0 || wanted.includes(bug),
  )) {
    const problem = await problemWith(planted);
    process.stdout.write(
      problem
        ? `✗ ${planted.bug}: ${problem}\n`
        : `✓ ${planted.bug} turns "${planted.testName}" red\n`,
    );
    all.push(problem ? { ...none, failed: 1 } : { ...none, passed: 1 });
  }
  const counts = sum(all);
  writeFileSync(join(stateRoot, 'reports', 'planted.json'), JSON.stringify(counts));
  process.stdout.write(`${closingLine(counts)}\n`);
  return isGood(counts) ? 0 : 1;
});
