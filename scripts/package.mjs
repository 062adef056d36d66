// npm run package: packs what `npm run build` has made, and checks it as a user's tools will see
// it: `publint` and `attw` find nothing, the oldest TypeScript that is supported reads the types,
// and exactly the files meant are inside.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, root } from './lib/paths.mjs';
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

/** `attw` brings the oldest TypeScript whose users can read the published types. */
const attw = createRequire(join(root, 'node_modules/@arethetypeswrong/core/package.json'));
const OLDEST = attw('typescript/package.json').version;
/** Published types by what they run in; those of the bindings also need a framework's. */
const TYPES = /** @type {const} */ ([
  ['dom,dom.iterable', ['dist/types/client/index.d.ts', 'dist/types/testing/index.d.ts']],
  ['webworker', ['dist/types/sw/index.d.ts']],
]);
/** @param {string} lib */
const compilerOptions = (lib) =>
  `--noEmit --strict --lib es2022,${lib} --target es2022 --types node --module esnext ` +
  '--moduleResolution bundler --allowImportingTsExtensions';

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
    for (const [lib, entries] of TYPES)
      await run(process.execPath, [
        attw.resolve('typescript/lib/tsc.js'),
        ...compilerOptions(lib).split(' '),
        ...entries,
      ]);
    process.stdout.write(
      `${filename}: ${files.length} files; publint, attw and TypeScript ${OLDEST} are content\n`,
    );
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
