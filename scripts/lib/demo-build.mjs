import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoDist, root, stateRoot } from './paths.mjs';
import { withPidLock } from './pid-lock.mjs';
import { Problem, say } from './problem.mjs';
import { run } from './run.mjs';

const SOURCES = [
  'bindings',
  'client',
  'demo',
  'shared',
  'sw',
  'vite.config.ts',
  'package-lock.json',
];

/** Name of the bug planted in the last build; empty: none. */
const madeWith = join(stateRoot, 'demo-build.planted');

/**
 * Builds the demo, unless the last build is newer than all sources and has an equal planted bug or
 * none.
 * @param {{ mode?: string }} [options]
 * @returns {Promise<string>} the build's folder
 */
export async function buildDemo({ mode = 'demo' } = {}) {
  if (!existsSync(join(root, 'vite.config.ts')))
    throw new Problem('There is no vite.config.ts: the PWA cannot be built.');
  const index = join(demoDist, 'index.html');
  await withPidLock(join(stateRoot, 'demo-build.lock'), async () => {
    const built = existsSync(index) ? statSync(index).mtimeMs : 0;
    const planted = process.env['UPDRAFT_PLANTED_BUG'] ?? '';
    const isSame = existsSync(madeWith) && readFileSync(madeWith, 'utf8') === planted;
    if (isSame && SOURCES.every((source) => newest(join(root, source)) <= built)) return;
    say(planted ? `… building the PWA with the planted bug ${planted}` : '… building the PWA');
    rmSync(madeWith, { force: true });
    await run(process.execPath, [
      join(root, 'node_modules', 'vite', 'bin', 'vite.js'),
      'build',
      '--mode',
      mode,
      '--logLevel',
      'warn',
    ]);
    writeFileSync(madeWith, planted);
  });
  return demoDist;
}

/**
 * Returns the latest change under a path, in milliseconds.
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.mtimeMs ?? 0;
  return readdirSync(path).reduce(
    (latest, name) => Math.max(latest, newest(join(path, name))),
    found.mtimeMs,
  );
}
