import { join } from 'node:path';
import { build } from 'vite';
import { root, stateRoot } from '../scripts/lib/paths.mjs';

/**
 * Builds the bench's page with both workers, as an app would.
 * @returns {Promise<string>} the page's folder
 */
export async function buildBench() {
  const app = join(root, 'bench', 'app');
  const outDir = join(stateRoot, 'bench-app');
  const worker = (/** @type {string} */ name) => join(root, 'bench', 'workers', `${name}.ts`);
  await build({
    configFile: false,
    root: app,
    logLevel: 'warn',
    define: { 'process.env.NODE_ENV': '"production"', __UPDRAFT_PLANTED_BUG__: 'undefined' },
    build: {
      outDir,
      emptyOutDir: true,
      rolldownOptions: {
        input: {
          index: join(app, 'index.html'),
          updraft: worker('updraft'),
          workbox: worker('workbox'),
        },
        // Beside the page: a worker's scope is the folder of the script.
        output: { entryFileNames: '[name].js' },
      },
    },
  });
  return outDir;
}
