// npm run package: packs what `npm run build` has made, and checks it as a user's tools will see
// it: `publint` and `attw` find nothing, and exactly the files meant are inside.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin } from './lib/paths.mjs';
import { main, Problem } from './lib/problem.mjs';
import { run } from './lib/run.mjs';

/** Top-level files and folders, and what `dist/` holds besides the types. */
const ENTRIES = ['react', 'vue', 'svelte', 'solid', 'bindings-core', 'client', 'client-live'];
const FILES = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'package.json',
  'scripts/types.mjs',
  'shared/contract/collections.schema.json',
  ...[...ENTRIES, 'client-airflow', 'sw', 'testing'].flatMap((name) => [
    `dist/${name}.js`,
    `dist/${name}.js.map`,
  ]),
  ...['sw-node', 'updraft-sw'].flatMap((name) => [
    `dist/${name}.js`,
    `dist/${name}.js.licences.md`,
  ]),
  'dist/cli.js',
  'dist/updraft.browser.js',
];
/** Folders whose files have names of their own. */
const FOLDERS = [/^cli\/templates\//, /^dist\/types\/[\w/-]+(\.d)?\.ts$/];

await main(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'updraft-package-'));
  try {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const [{ filename, files }] = JSON.parse(await run('npm', args));
    const archive = join(folder, filename);
    differences(files.map((/** @type {{ path: string }} */ { path }) => path));
    await run(bin('publint'), ['run', archive, '--strict']);
    // A classic script has no types; nothing is published for CommonJS.
    const rules = ['--profile', 'esm-only', '--exclude-entrypoints', './updraft-sw.js'];
    await run(bin('attw'), [archive, ...rules]);
    process.stdout.write(`${filename}: ${files.length} files, publint and attw are content\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Throws where the package holds other files than meant. @param {string[]} paths */
function differences(paths) {
  const missing = FILES.filter((path) => !paths.includes(path));
  const foreign = paths.filter(
    (path) => !FILES.includes(path) && !FOLDERS.some((folder) => folder.test(path)),
  );
  if (missing.length + foreign.length > 0)
    throw new Problem(
      `The package misses ${missing.join(', ') || 'nothing'}, and holds ` +
        `${foreign.join(', ') || 'nothing'} beyond what scripts/package.mjs names. Run ` +
        'npm run build on an empty dist/, or name the file there.',
    );
}
