import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformAsync } from '@babel/core';
import solid from 'babel-preset-solid';
import { compile } from 'svelte/compiler';
import { build, transformWithOxc, type InlineConfig, type Plugin } from 'vite';
import { root } from '../../scripts/lib/paths.mjs';

export const FRAMEWORKS = ['react', 'vue', 'svelte', 'solid'] as const;
export type Framework = (typeof FRAMEWORKS)[number];

const ENTRIES = { react: 'tsx', vue: 'ts', svelte: 'ts', solid: 'tsx' } as const;
const folderOf = (framework: Framework): string => join(root, 'e2e/apps', framework);

/** Compiles .svelte files, as Svelte's own plugin does. */
const svelteFiles = (isServer: boolean): Plugin => ({
  name: 'svelte-files',
  transform: (code, filename) =>
    filename.endsWith('.svelte')
      ? compile(code, { filename, generate: isServer ? 'server' : 'client' }).js
      : undefined,
});

/** Compiles Solid's JSX, as Solid's own plugin does. */
const solidFiles = (isServer: boolean): Plugin => ({
  name: 'solid-files',
  enforce: 'pre',
  async transform(code, filename) {
    if (!filename.endsWith('.tsx')) return undefined;
    const { code: jsx } = await transformWithOxc(code, filename, { jsx: 'preserve' });
    const presets = [[solid, { generate: isServer ? 'ssr' : 'dom', hydratable: false }]];
    const done = await transformAsync(jsx, { filename, presets, configFile: false });
    return { code: done?.code ?? '' };
  },
});

/** Settings of an app's build: React's strict mode needs a build for development. */
const settingsOf = (framework: Framework, isServer: boolean): InlineConfig => ({
  configFile: false,
  root: folderOf(framework),
  logLevel: 'error',
  mode: framework === 'react' ? 'development' : 'production',
  define: {
    __UPDRAFT_PLANTED_BUG__: 'undefined',
    'process.env.NODE_ENV': framework === 'react' ? '"development"' : '"production"',
  },
  plugins: [
    ...(framework === 'svelte' ? [svelteFiles(isServer)] : []),
    ...(framework === 'solid' ? [solidFiles(isServer)] : []),
  ],
});

let built: Promise<string> | undefined;
/** The prebuilt worker's file, built once for all apps. */
function prebuiltWorker(): Promise<string> {
  const make = async (): Promise<string> => {
    const outDir = await mkdtemp(join(tmpdir(), 'updraft-e2e-worker-'));
    const configFile = join(root, 'vite.config.ts');
    await build({ configFile, root, mode: 'worker', logLevel: 'error', build: { outDir } });
    return join(outDir, 'updraft-sw.js');
  };
  return (built ??= make());
}

/** A tiny app of a framework, built by itself, with the prebuilt worker. */
export class BindingApp {
  readonly dir: string;
  readonly #framework: Framework;
  private constructor(framework: Framework, dir: string) {
    this.#framework = framework;
    this.dir = dir;
  }

  static async build(framework: Framework): Promise<BindingApp> {
    const dir = await mkdtemp(join(tmpdir(), `updraft-e2e-${framework}-`));
    await copyFile(await prebuiltWorker(), join(dir, 'updraft-sw.js'));
    const settings = settingsOf(framework, false);
    await build({
      ...settings,
      build: {
        outDir: dir,
        emptyOutDir: false,
        target: 'es2022',
        rolldownOptions: {
          input: join(folderOf(framework), `main.${ENTRIES[framework]}`),
          output: { entryFileNames: 'main.js' },
        },
      },
    });
    await copyFile(join(root, 'demo/collections.json'), join(dir, 'collections.json'));
    await writeFile(
      join(dir, 'index.html'),
      '<!doctype html><html lang="en"><title>Small</title><body><div id="app"></div>' +
        '<script type="module" src="/main.js"></script></body></html>',
    );
    return new BindingApp(framework, dir);
  }

  /** Renders the app as a server does. */
  async renderOnServer(): Promise<string> {
    const outDir = join(this.dir, 'server');
    await build({
      ...settingsOf(this.#framework, true),
      ssr: { noExternal: true },
      build: {
        outDir,
        ssr: join(folderOf(this.#framework), `server.${ENTRIES[this.#framework]}`),
        rolldownOptions: { output: { entryFileNames: 'server.mjs' } },
      },
    });
    const { page } = (await import(pathToFileURL(join(outDir, 'server.mjs')).href)) as {
      page: () => Promise<string>;
    };
    return page();
  }

  dispose(): Promise<void> {
    return rm(this.dir, { recursive: true, force: true });
  }
}
