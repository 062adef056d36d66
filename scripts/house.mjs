// npm run house [-- imports | sizes | words …]: measures the tree against the goals of the house
// and fails beyond a goal. Reads only the sources.
import { closingLine, isGood, none } from './lib/counts.mjs';
import { measureDecisions } from './lib/house/decisions.mjs';
import { measureImports } from './lib/house/imports.mjs';
import { measureSizes } from './lib/house/sizes.mjs';
import { readTree } from './lib/house/tree.mjs';
import { measureWords } from './lib/house/words.mjs';
import { main, Problem } from './lib/problem.mjs';

const MEASURES = new Map([
  ['imports', measureImports],
  ['sizes', measureSizes],
  ['words', measureWords],
  ['decisions', measureDecisions],
]);

await main(async () => {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : [...MEASURES.keys()];
  const unknown = wanted.filter((name) => !MEASURES.has(name));
  if (unknown.length > 0)
    throw new Problem(
      `No such measure: ${unknown.join(', ')}. There are: ${[...MEASURES.keys()].join(', ')}`,
    );
  const tree = readTree();
  const rows = wanted.flatMap((name) => MEASURES.get(name)?.(tree) ?? []);
  for (const { name, value, goal, isMet, examples } of rows) {
    process.stdout.write(
      `${isMet ? ' ' : '✗'} ${name.padEnd(64)} ${String(value).padStart(8)}   ${goal}\n`,
    );
    if (!isMet)
      for (const example of examples.slice(0, 12)) process.stdout.write(`      ${example}\n`);
  }
  const failed = rows.filter(({ isMet }) => !isMet).length;
  const counts = { ...none, passed: rows.length - failed, failed };
  process.stdout.write(`${closingLine(counts)}\n`);
  return isGood(counts) ? 0 : 1;
});
