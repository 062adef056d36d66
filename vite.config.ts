import { defineConfig, type UserConfig } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

const plantedBug = process.env['UPDRAFT_PLANTED_BUG'];
/** A build with a planted bug says so; `npm run size` refuses it. */
const output =
  plantedBug === undefined
    ? {}
    : { footer: `globalThis.updraftPlantedBug = ${JSON.stringify(plantedBug)};` };

/** Replaced in every build; release builds hold no planted bug. */
const define = {
  'process.env.NODE_ENV': '"production"',
  __UPDRAFT_PLANTED_BUG__: JSON.stringify(plantedBug) ?? 'undefined',
};

/** `./client`: one small file with nothing left to install. */
const client: UserConfig = {
  define,
  build: {
    lib: { entry: 'client/index.ts', formats: ['es'], fileName: () => 'client.js' },
    emptyOutDir: false,
    sourcemap: true,
    minify: true,
    // In a library Vite leaves the spaces in; this file is served as it is.
    rolldownOptions: { output: { ...output, minify: true, chunkFileNames: 'client-[name].js' } },
  },
};

/** The client in a single file, for a page without a bundler. */
const browser: UserConfig = {
  define,
  build: {
    lib: { entry: 'client/index.ts', formats: ['es'], fileName: () => 'updraft.browser.js' },
    emptyOutDir: false,
    minify: true,
    rolldownOptions: { output: { ...output, minify: true, codeSplitting: false } },
  },
};

/** `./react` and the others: small files over one core; the framework stays the app's. */
const bindings: UserConfig = {
  define,
  build: {
    lib: {
      entry: Object.fromEntries(
        ['react', 'vue', 'svelte', 'solid'].map((name) => [name, `bindings/${name}/index.ts`]),
      ),
      formats: ['es'],
    },
    emptyOutDir: false,
    sourcemap: true,
    minify: true,
    rolldownOptions: {
      output: { ...output, minify: true, chunkFileNames: 'bindings-core.js' },
      external: [/^(react|vue|svelte|solid-js)(\/|$)/],
    },
  },
};

/** Packages of this package's own that stay outside of what an app bundles. */
const OWN = [/^dexie/, /^valibot/, /^@cfworker/];

/** `./sw`: its packages stay the app's to bundle. */
const sw: UserConfig = {
  define,
  build: {
    lib: { entry: 'sw/index.ts', formats: ['es'], fileName: () => 'sw.js' },
    emptyOutDir: false,
    sourcemap: true,
    minify: false,
    rolldownOptions: { output, external: [...OWN, /^workbox-/] },
  },
};

/** `./sw` where it is imported in Node, which cannot import Workbox as it is published. */
const swNode: UserConfig = {
  define,
  build: {
    lib: { entry: 'sw/index.ts', formats: ['es'], fileName: () => 'sw-node.js' },
    emptyOutDir: false,
    minify: false,
    license: { fileName: 'sw-node.js.licences.md' },
    rolldownOptions: { output, external: OWN },
  },
};

/** `./testing`: engine, client and a server in memory, for Node. */
const testing: UserConfig = {
  define,
  build: {
    lib: { entry: 'testing/index.ts', formats: ['es'], fileName: () => 'testing.js' },
    emptyOutDir: false,
    sourcemap: true,
    minify: false,
    rolldownOptions: {
      output: { ...output, codeSplitting: false },
      external: [...OWN, /^fake-indexeddb/],
    },
  },
};

/** The prebuilt classic worker, with everything in it. */
const worker: UserConfig = {
  define,
  // Dexie's usual entry is for browsers without `async` functions: slower, and larger.
  resolve: { alias: { dexie: 'dexie/dist/modern/dexie.mjs' } },
  build: {
    lib: {
      entry: 'sw/updraft-sw.ts',
      formats: ['iife'],
      name: 'updraftWorker',
      fileName: () => 'updraft-sw.js',
    },
    emptyOutDir: false,
    // Two minifiers, one after the other: 1.4 KB less than Vite's own alone, compressed.
    minify: 'terser',
    terserOptions: { ecma: 2020, compress: { passes: 3 }, mangle: false },
    // The texts that the bundled packages' terms ask for, beside the file.
    license: { fileName: 'updraft-sw.js.licences.md' },
    rolldownOptions: { output: { ...output, minify: true } },
  },
};

/** `npx airflow-updraft`: a script of Node's; its packages are those of the package. */
const cli: UserConfig = {
  define,
  build: {
    ssr: 'cli/main.ts',
    target: 'node20.19',
    emptyOutDir: false,
    minify: false,
    rolldownOptions: {
      output: { ...output, banner: '#!/usr/bin/env node', entryFileNames: 'cli.js' },
    },
  },
};

const demo: UserConfig = {
  root: 'demo',
  define,
  build: { outDir: '../dist/demo', emptyOutDir: true },
  plugins: [
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'sw',
      filename: 'sw.ts',
      registerType: 'prompt',
      injectRegister: false,
      injectManifest: {
        globPatterns: ['**/*.{js,css,html,svg,png,webmanifest,woff2}'],
        minify: true,
      },
      manifest: {
        name: 'Updraft field inspections',
        short_name: 'Inspections',
        description:
          'Capture inspections where there is no network; they reach Airflow when there is.',
        id: '/',
        start_url: '/',
        display: 'standalone',
        theme_color: '#0b4f6c',
        background_color: '#f6f7f5',
        icons: [
          { src: 'icon-192.png', sizes: '192x192', type: 'image/png', purpose: 'any' },
          { src: 'icon-512.png', sizes: '512x512', type: 'image/png', purpose: 'any' },
          {
            src: 'icon-maskable-512.png',
            sizes: '512x512',
            type: 'image/png',
            purpose: 'maskable',
          },
        ],
      },
    }),
  ],
};

const builds: Readonly<Record<string, UserConfig>> = {
  client,
  browser,
  bindings,
  sw,
  swNode,
  testing,
  worker,
  cli,
  demo,
};

export default defineConfig(({ mode }) => builds[mode] ?? demo);
