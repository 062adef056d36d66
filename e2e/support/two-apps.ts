import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../scripts/lib/paths.mjs';

const run = promisify(execFile);
const FOLDERS = ['a', 'b'] as const;

/** The policy that docs/install.md advises. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "font-src 'self'; manifest-src 'self'; " +
  "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; " +
  "frame-ancestors 'none'";

const page = (folder: string): string =>
  `<!doctype html><html lang="en"><title>App ${folder}</title><script type="module" ` +
  'src="main.js"></script></html>';
const script = (folder: string): string => `import { connect } from './client.js';
const worker = '/${folder}/updraft-sw.js?airflow=/airflow&collections=/${folder}/collections.json';
window.updraft = await connect({ worker, user: 'ana' });
`;

/**
 * Builds two apps for a common origin, at `/a/` and `/b/`, each with the prebuilt worker, and the
 * user in both. Resolves to the folder.
 */
export async function buildTwoApps(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'updraft-e2e-two-'));
  const built = join(dir, 'built');
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  for (const mode of ['client', 'worker'])
    await run(
      process.execPath,
      [vite, 'build', '--mode', mode, '--outDir', built, '--logLevel', 'error'],
      { cwd: root },
    );
  for (const folder of FOLDERS) {
    await mkdir(join(dir, folder));
    for (const file of await readdir(built))
      await copyFile(join(built, file), join(dir, folder, file));
    await copyFile(join(root, 'demo/collections.json'), join(dir, folder, 'collections.json'));
    await writeFile(join(dir, folder, 'index.html'), page(folder));
    await writeFile(join(dir, folder, 'main.js'), script(folder));
  }
  await rm(built, { recursive: true });
  return dir;
}
