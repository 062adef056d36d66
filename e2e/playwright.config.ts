import type { TransportName } from '../shared/limits.ts';
import { defineConfig } from '@playwright/test';

// One worker unless the command says more (scripts/lib/stages.mjs knows which tests can stand it); no retries, since a test that passes at times proves nothing.
const BY_DAG = ['airflow-down', 'ambiguous-answers', 'bad-input', 'conflict', 'credentials', 'demo', 'killed-worker', 'offline-capture'].map(
  (name) => `${name}.spec.ts`,
);

export default defineConfig<{ via: TransportName }>({
  testDir: '.',
  outputDir: '../.updraft/reports/e2e',
  globalSetup: './support/global-setup.ts',
  workers: 1,
  retries: 0,
  fullyParallel: false,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  globalTimeout: Number(process.env['UPDRAFT_E2E_MS_MAX'] ?? 18 * 60_000),
  projects: process.env['UPDRAFT_MEASURE']
    ? [{ name: 'measure', testMatch: '*.measure.ts' }]
    : [
        // Each test once where both ways are alike to it, else on both. The plugin has no task that could be killed.
        { name: 'plugin', testMatch: '*.spec.ts', testIgnore: ['bad-input.spec.ts', 'browsers/*'], grepInvert: /fault 28/, use: { via: 'plugin' } },
        { name: 'dag', testMatch: BY_DAG, use: { via: 'dag' } },
        { name: 'browsers', testMatch: 'browsers/*.spec.ts' },
      ],
  reporter: [['list'], ['json', { outputFile: '../.updraft/reports/playwright.json' }]],
});
