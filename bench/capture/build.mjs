import { copyFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { root, stateRoot } from '../../scripts/lib/paths.mjs';
import { say } from '../../scripts/lib/problem.mjs';
import { run } from '../../scripts/lib/run.mjs';

const bench = join(root, 'bench');
const peers = join(bench, 'peers');
const outDir = join(stateRoot, 'bench-capture');
/** @type {import('vite').InlineConfig} */
const common = {
  configFile: false,
  root: bench,
  logLevel: 'error',
  define: { 'process.env.NODE_ENV': '"production"' },
};

/**
 * Builds the bench's pages and workers, and beside them Updraft's client and prebuilt worker by the
 * package's own build. @param {boolean} hasPeers @returns {Promise<string>} the folder
 */
export async function buildCaptureBench(hasPeers) {
  if (hasPeers) await ensurePeers();
  const pages = {
    capture: join(bench, 'capture', 'index.html'),
    ...(hasPeers && { peers: join(peers, 'index.html') }),
  };
  await build({
    ...common,
    build: { outDir, emptyOutDir: true, rolldownOptions: { input: pages } },
  });
  await buildWorker('raw-worker', join(bench, 'workers', 'raw-worker.ts'));
  if (hasPeers) await buildWorker('workbox', join(peers, 'workbox.worker.ts'));
  for (const mode of ['client', 'worker'])
    await build({ root, mode, logLevel: 'error', build: { outDir } });
  copyFileSync(join(bench, 'capture', 'collections.json'), join(outDir, 'collections.json'));
  return outDir;
}

/** Builds a classic script, like Updraft's worker. @param {string} name @param {string} entry */
const buildWorker = (name, entry) =>
  build({
    ...common,
    build: {
      outDir,
      emptyOutDir: false,
      lib: { entry, formats: ['iife'], name: 'bench', fileName: () => `${name}.js` },
    },
  });

/** Installs the other libraries exactly as locked, when nothing newer than the lock is there. */
async function ensurePeers() {
  const installed = join(peers, 'node_modules', '.package-lock.json'); // npm's last step
  const lock = join(peers, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  say('… npm ci (bench/peers)');
  const npm = process.env['npm_execpath'];
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await run(command, [...first, ...options], { cwd: peers });
}
