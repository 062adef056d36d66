import { defineConfig } from 'vitest/config';

/** A new object each time: Vitest empties the one it is given. */
const define = (): Record<string, string> => ({
  __UPDRAFT_PLANTED_BUG__: JSON.stringify(process.env['UPDRAFT_PLANTED_BUG']) ?? 'undefined',
});

export default defineConfig({
  test: {
    projects: [
      {
        define: define(),
        test: {
          name: 'unit',
          include: ['{shared,sw,client,bindings,cli,testing,demo,scripts}/**/*.test.{ts,mjs}'],
          // Tests of new apps are the apps' own: the packed package runs them.
          exclude: ['cli/templates/**'],
          // One realm for all files: they leave nothing behind, and starting one each took longer than the tests.
          pool: 'threads',
          isolate: false,
          // Node cannot import Workbox as it is published.
          server: { deps: { inline: [/workbox/] } },
          // The limit ends a hang. Five seconds ended sound tests beside a server that was starting.
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      // The same engine with its real transports against a real Airflow; UPDRAFT_STORE names the store it has.
      {
        define: define(),
        test: {
          name: 'acceptance',
          include: ['sw/acceptance/*.accept.ts'],
          globalSetup: ['scripts/lib/acceptance-server.mjs'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      // The worker's engine against the provider's real exchange; needs the Python environment.
      {
        define: define(),
        test: {
          name: 'simulation',
          include: ['sw/simulation/*.sim.ts'],
          testTimeout: Math.max(180_000, 5_000 * Number(process.env['UPDRAFT_RUNS'] ?? 0)),
        },
      },
    ],
  },
});
