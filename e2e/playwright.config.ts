import type { TransportName } from '../shared/limits.ts';
import { defineConfig } from '@playwright/test';
import { lane } from './support/lane.ts';

// A single worker: a browser and an Airflow keep two cores busy. No retries, since a test that
// passes at times proves nothing.
/** Runs of a DAG take a slow machine minutes: in `npm test` the acceptance suite holds the rest. */
const BY_DAG_SOAKED = ['airflow-down', 'ambiguous-answers', 'credentials', 'demo'];
const BY_DAG = [
  'bad-input',
  'forged-answers',
  'killed-worker',
  'offline-capture',
  'other-protocol',
  ...(process.env['UPDRAFT_BY_DAG'] === 'all' ? BY_DAG_SOAKED : []),
].map((name) => `${name}.spec.ts`);

export default defineConfig<{ via: TransportName }>({
  testDir: '.',
  outputDir: `../.updraft/reports/e2e-${lane}`,
  globalSetup: './support/global-setup.ts',
  workers: 1,
  retries: 0,
  fullyParallel: false,
  forbidOnly: true,
  // Limits for hangs, here and in the tests: three times what a quiet machine was given, since a
  // machine can be slower by that. What must be quick is asserted by the test, in its own words.
  timeout: 360_000,
  expect: { timeout: 90_000 },
  globalTimeout: Number(process.env['UPDRAFT_E2E_MS_MAX'] ?? 40 * 60_000),
  projects: process.env['UPDRAFT_MEASURE']
    ? [{ name: 'measure', testMatch: '*.measure.ts' }]
    : [
        // Each test once if both transports are alike for the test (a file that is not in BY_DAG, a
        // test tagged @once), else on both: the acceptance suite runs the engine's stories on both.
        // The plugin has no task that could be killed, and no XCom that could be forged.
        {
          name: 'plugin',
          testMatch: '*.spec.ts',
          testIgnore: ['bad-input.spec.ts', 'forged-answers.spec.ts', 'browsers/*'],
          grepInvert: /fault 28/,
          use: { via: 'plugin' },
        },
        { name: 'dag', testMatch: BY_DAG, grepInvert: /@once/, use: { via: 'dag' } },
        { name: 'browsers', testMatch: 'browsers/*.spec.ts' },
      ],
  reporter: [['list'], ['json', { outputFile: '../.updraft/reports/playwright.json' }]],
});
