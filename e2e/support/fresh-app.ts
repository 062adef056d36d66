import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Template } from '../../cli/init/choices.ts';
import { shared } from './airflow.ts';
import { root } from '../../scripts/lib/paths.mjs';

const run = promisify(execFile);

const PAGE = `import { connect, newId, UpdraftError, type Row } from 'airflow-updraft/client';

interface Inspection { id: string; site: string; status: 'ok' | 'watch' | 'fail'; visits?: number }

const asked = new URLSearchParams(location.search);
const worker = asked.get('worker') ?? '/sw.js';
const type = asked.get('type') === 'module' ? 'module' : 'classic';
const updraft = await connect<{ inspections: Inspection }>({ worker, type, user: 'ana' });
const inspections = updraft.collection('inspections');

/** What the test calls. */
const app = {
  signIn: () => updraft.signIn({ cookie: true }),
  async capture(): Promise<{ id: string; verdict: string; row: Row<Inspection> | null }> {
    const inspection = { id: 'pack-' + newId(), site: 'A7', status: 'ok' } as const;
const { id, settled } = await inspections.put(inspection);
    await inspections.increment(id, { visits: 1 });
    await updraft.whenSettled();
    return { id, verdict: (await settled).verdict, row: await inspections.get(id) };
  },
  kind: (error: unknown) => (error instanceof UpdraftError ? error.kind : undefined),
};
// @ts-expect-error a status that the type does not have: the types of the package reach the app
void (() => inspections.put({ id: newId(), site: 'A7', status: 'nonsense' }));
Object.assign(window, { app });
export type App = typeof app;
`;

/** Parts that type-check and are bundled against the packed bindings; the test renders none. */
const BINDINGS = `import { createElement } from 'react';
import type { Updraft } from 'airflow-updraft/client';
import * as react from 'airflow-updraft/react';
import * as vue from 'airflow-updraft/vue';
import * as svelte from 'airflow-updraft/svelte';
import * as solid from 'airflow-updraft/solid';

interface Collections { inspections: { id: string; site: string } }
declare const updraft: Promise<Updraft<Collections>>;

const { useQuery } = react.typed<Collections>();
export function Sites() {
  const { data, error } = useQuery('inspections', { index: 'site', equals: 'A7' });
  // @ts-expect-error a collection that there is not: the types of the package reach the app
  void (() => useQuery('inspection'));
  return createElement('p', {}, error?.kind ?? data?.map(({ value }) => value.site).join());
}
const Provider = react.UpdraftProvider<Collections>;
export const page = () => createElement(Provider, { updraft }, createElement(Sites));
export const inVue = () => vue.typed<Collections>().useRecord('inspections', 'a').data.value?.state;
export const inSvelte = () => svelte.useStatus().data?.unsent;
export const inSolid = () => solid.typed<Collections>().useQuery('inspections').data?.length;
Object.assign(window, { bindings: { react, vue, svelte, solid } });
`;

/** @param navigations the route for navigations, as docs/in-your-pwa.md advises it */
const worker = (navigations: string): string => `import { startUpdraft } from 'airflow-updraft/sw';
import { createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';
import collections from './collections.json';

declare const self: ServiceWorkerGlobalScope & {
  __WB_MANIFEST: { url: string; revision: string | null }[];
};

${navigations}
startUpdraft({ airflow: '/airflow', collections });
`;

/** The advised code for navigations. */
async function advisedNavigations(): Promise<string> {
  const page = await readFile(join(root, 'docs', 'in-your-pwa.md'), 'utf8');
  const found = [...page.matchAll(/```ts\n([^`]*)```/g)]
    .map(([, code = '']) => code)
    .find((code) => code.includes('denylist'));
  if (found === undefined) throw new Error('docs/in-your-pwa.md advises no route.');
  return found;
}

const VITE = `import { defineConfig } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

export default defineConfig({
  build: { target: 'es2022' },
  server: { proxy: { '/airflow': process.env.AIRFLOW_ORIGIN ?? '' } },
  plugins: [
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src',
      filename: 'sw.ts',
      injectRegister: false,
      devOptions: { enabled: true, type: 'module' },
      manifest: { name: 'Fresh', short_name: 'Fresh' },
    }),
  ],
});
`;

/** Runs in Node what the documentation shows, and imports the worker's half there. */
const NODE_TEST = `
test('the worker’s half can be imported in Node', async () => {
  assert.equal(typeof globalThis.self, 'undefined');
  assert.equal(typeof (await import('airflow-updraft/sw')).startUpdraft, 'function');
});
`;

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;

const TOOLS = [
  'fake-indexeddb',
  'typescript',
  'vite',
  'vite-plugin-pwa',
  'workbox-precaching',
  'workbox-routing',
  'react',
  '@types/react',
  'react-dom',
  '@types/react-dom',
  'json-schema-to-typescript',
  'vitest',
  '@vitejs/plugin-vue',
  'vue',
  '@sveltejs/vite-plugin-svelte',
  'svelte',
  'solid-js',
];

const tsconfig = (file: string, lib: string): string =>
  JSON.stringify({
    compilerOptions: {
      target: 'ES2022',
      lib: ['ES2022', lib],
      module: 'ESNext',
      moduleResolution: 'bundler',
      resolveJsonModule: true,
      allowImportingTsExtensions: true,
      strict: true,
      types: [],
      noEmit: true,
    },
    files: [file],
  });

/**
 * The environment of a person's shell: without the settings of the `npm` that runs the tests, and
 * without NODE_ENV, which a Vite build inside this process leaves at `production`. With it npm
 * leaves out the app's tools, and npx takes ours instead.
 */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== 'NODE_ENV' && !/^npm_/i.test(name)),
  );

/** A new app in a temporary folder that installs the packed package as any user would. */
export class FreshApp {
  readonly dir: string;
  private constructor(dir: string) {
    this.dir = dir;
  }

  static async install(): Promise<FreshApp> {
    const app = new FreshApp(await mkdtemp(join(tmpdir(), 'updraft-e2e-app-')));
    try {
      await app.#fill();
    } catch (error) {
      await app.dispose();
      throw error;
    }
    return app;
  }

  async #fill(): Promise<void> {
    await run('npm', ['pack', '--silent', '--pack-destination', this.dir], {
      cwd: root,
      maxBuffer: 1 << 24,
    });
    const [filename = ''] = await readdir(this.dir);
    const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    const tools = TOOLS.map((name) => [name, devDependencies[name]]);
    await this.write(
      'package.json',
      JSON.stringify({
        private: true,
        type: 'module',
        dependencies: { 'airflow-updraft': `file:${filename}` },
        devDependencies: Object.fromEntries(tools),
      }),
    );
    await this.write(
      'index.html',
      '<!doctype html><html lang="en"><title>Fresh</title><script type="module" ' +
        'src="/src/main.ts"></script></html>',
    );
    await this.write('src/main.ts', `import './bindings.ts';\n${PAGE}`);
    await this.write('src/bindings.ts', BINDINGS);
    const page = await readFile(join(root, 'docs/testing.md'), 'utf8');
    const [, example = ''] = /```js\n([^]*?)```/.exec(page) ?? [];
    await this.write('src/app.test.mjs', example + NODE_TEST);
    await this.write('src/sw.ts', worker(await advisedNavigations()));
    await this.write('vite.config.ts', VITE);
    await this.write('tsconfig.json', tsconfig('src/main.ts', 'DOM'));
    await this.write('tsconfig.sw.json', tsconfig('src/sw.ts', 'WebWorker'));
    const quietly = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=warn'];
    await this.#run('npm', ['install', ...quietly]);
    // Names packages that npm left out in spite of its exit code.
    await this.#run('npm', ['ls', '--depth=0']);
    for (const folder of ['src', 'public']) {
      await mkdir(join(this.dir, folder), { recursive: true });
      await copyFile(
        join(root, 'demo', 'collections.json'),
        join(this.dir, folder, 'collections.json'),
      );
    }
    await copyFile(
      join(this.dir, 'node_modules/airflow-updraft/dist/updraft-sw.js'),
      join(this.dir, 'public/updraft-sw.js'),
    );
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.dir, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  /** Throws the compiler's messages. */
  async typecheck(): Promise<void> {
    await this.#run('npx', ['tsc', '-p', 'tsconfig.json']);
    await this.#run('npx', ['tsc', '-p', 'tsconfig.sw.json']);
  }

  /** Runs the app's own test in Node's runner; returns what it prints. */
  async test(): Promise<string> {
    return this.#run(process.execPath, ['--test', '--test-reporter=tap', 'src/app.test.mjs']);
  }

  /**
   * Makes an app of a template by the packed command, in a folder below this app, whose packages
   * serve both. Type-checks, tests and builds by the new app's scripts; returns the built folder.
   */
  async init(template: Template): Promise<string> {
    const app = join('apps', template);
    const flags = ['--template', template, '--airflow', '/airflow', '--collection', 'inspections'];
    await this.#run('npx', ['--no-install', 'airflow-updraft', 'init', app, ...flags]);
    const named = await manifestOf(join(this.dir, app));
    const here = await manifestOf(this.dir);
    for (const [name, version] of Object.entries({
      ...named.dependencies,
      ...named.devDependencies,
    }))
      if (name !== 'airflow-updraft' && here.devDependencies[name] !== version)
        throw new Error(`The template ${template} needs ${name} ${version}: add it to TOOLS.`);
    for (const script of ['test', 'build'])
      await this.#run('npm', ['run', script, '--prefix', app]);
    return join(this.dir, app, 'dist');
  }

  /** Asks `npx airflow-updraft doctor` about a served app; returns its report as JSON. */
  async doctor(
    url: string,
    collections: string,
    { user, password }: { readonly user: string; readonly password: string },
  ): Promise<unknown> {
    const asks = ['--user', user, '--collections', collections, '--json'];
    const options = [...asks, '--browser', shared().chromium];
    const args = ['--no-install', 'airflow-updraft', 'doctor', url, ...options];
    return JSON.parse(await this.#run('npx', args, { UPDRAFT_PASSWORD: password }));
  }

  /** The folder of the built app. */
  async build(): Promise<string> {
    await this.#run('npx', ['vite', 'build', '--logLevel', 'warn']);
    return join(this.dir, 'dist');
  }

  /** Starts Vite's development server, with Airflow behind it. */
  async develop(
    airflowUrl: string,
    port: number,
  ): Promise<{ url: string; close: () => Promise<void> }> {
    const child = spawn('npx', ['vite', '--host', '127.0.0.1', '--port', String(port)], {
      cwd: this.dir,
      env: { ...environment(), AIRFLOW_ORIGIN: new URL(airflowUrl).origin, NO_COLOR: '1' },
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    const close = async (): Promise<void> => {
      // The group: npx starts Vite as a process of its own.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
      await ended;
    };
    let said = '';
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const [, found] = /(http:\/\/127\.0\.0\.1:\d+)\//.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
      void ended.then(() => reject(new Error(`Vite ended: ${said}`)));
    });
    return { url, close };
  }

  async #run(
    command: string,
    args: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    try {
      const env = { ...environment(), ...variables };
      return (await run(command, args, { cwd: this.dir, env, maxBuffer: 1 << 24 })).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
    }
  }

  async dispose(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
