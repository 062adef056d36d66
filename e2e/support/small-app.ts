import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'vite';
import { root } from '../../scripts/lib/paths.mjs';

const run = promisify(execFile);

/**
 * Page that connects as ana to the worker named in the page's address; the outcome is in
 * `window.connecting`.
 */
const PAGE = `<!doctype html><html lang="en"><title>Small</title><script type="module">
import { connect } from '/client.js';
const worker = new URLSearchParams(location.search).get('worker');
window.told = [];
// Without a worker no connection: the next page would meet the failed registration.
const connected = (updraft) => {
  updraft.on('declarations', ({ collections }) => window.told.push(collections));
  window.updraft = updraft;
  return 'connected';
};
const refused = ({ kind, message }) => kind + ': ' + message;
window.connecting = worker
  ? connect({ worker, user: 'ana' }).then(connected, refused)
  : Promise.resolve('no worker named');
</script></html>`;

/**
 * The published client and prebuilt worker in a page of ten lines, with files that change as by a
 * deployment.
 */
export class SmallApp {
  readonly dir: string;
  private constructor(dir: string) {
    this.dir = dir;
  }

  static async build(): Promise<SmallApp> {
    const app = new SmallApp(await mkdtemp(join(tmpdir(), 'updraft-e2e-small-')));
    for (const mode of ['client', 'worker'])
      await run(
        process.execPath,
        [
          join(root, 'node_modules/vite/bin/vite.js'),
          'build',
          '--mode',
          mode,
          '--outDir',
          app.dir,
          '--logLevel',
          'error',
        ],
        {
          cwd: root,
        },
      );
    await app.write('index.html', PAGE);
    return app;
  }

  /** Returns the app as it is now, in a separate folder: a build takes seconds. */
  async copy(): Promise<SmallApp> {
    const app = new SmallApp(await mkdtemp(join(tmpdir(), 'updraft-e2e-small-')));
    await cp(this.dir, app.dir, { recursive: true });
    return app;
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.dir, name), text);
  }

  /** Makes the prebuilt worker's next version, by other bytes. */
  touch(name: string): Promise<void> {
    return appendFile(join(this.dir, name), '\n// the next version');
  }

  /** Writes the app's own worker, `sw.js`, with these declarations. */
  async writeOwnWorker(collections: unknown): Promise<void> {
    const sources = join(this.dir, 'sources');
    await mkdir(sources, { recursive: true });
    const entry = join(sources, 'sw.ts');
    const sw = fileURLToPath(new URL('../../sw/index.ts', import.meta.url));
    await writeFile(
      entry,
      `import { startUpdraft } from ${JSON.stringify(sw)};\nstartUpdraft({ airflow: ` +
        `'/airflow/', collections: ${JSON.stringify(collections)} });\n`,
    );
    await build({
      root: sources,
      configFile: false,
      logLevel: 'error',
      define: { __UPDRAFT_PLANTED_BUG__: 'undefined', 'process.env.NODE_ENV': '"production"' },
      build: {
        outDir: this.dir,
        emptyOutDir: false,
        lib: { entry, formats: ['iife'], name: 'own', fileName: () => 'sw.js' },
      },
    });
  }

  async dispose(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
