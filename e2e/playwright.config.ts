import { defineConfig } from '@playwright/test';

// One worker, since one Airflow is the most that two cores carry; no retries, since a test that passes at times proves nothing.
export default defineConfig({
  testDir: '.',
  outputDir: '../.updraft/reports/e2e',
  globalSetup: './support/global-setup.ts',
  workers: 1,
  retries: 0,
  fullyParallel: false,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  globalTimeout: 18 * 60_000,
  projects: process.env['UPDRAFT_MEASURE'] ? [{ name: 'measure', testMatch: '*.measure.ts' }] : [{ name: 'e2e', testMatch: '*.spec.ts' }],
  reporter: [['list'], ['json', { outputFile: '../.updraft/reports/playwright.json' }]],
});
