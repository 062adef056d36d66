import { eventually } from './support/eventually.ts';
import { exportsPaused } from './support/exports.ts';
import { expect, test } from './support/test.ts';

const CAPTURES = 20;
/** Longer than a run takes: each capture begins with an export at rest. */
const REST_MS = 3_000;

// Not a test of time: UPDRAFT_MEASURE=1 npx playwright test -c e2e/playwright.config.ts --project
// measure device-to-row
test('measured: record on the device to row in the target table, at rest', async ({
  device,
  store,
  airflow,
  prefix,
}) => {
  test.setTimeout(600_000);
  await exportsPaused(airflow, false);
  await device.openSignedIn('ana');
  const waited: number[] = [];
  for (let n = 0; n < CAPTURES; n++) {
    const id = `${prefix}${n}`;
    await device.put({ id, site: 'A7', status: 'ok' });
    const from = performance.now();
    const row = (): Promise<unknown[]> =>
      store.demo('SELECT id FROM inspections WHERE id = %s', [id]);
    await eventually(row, 'the row').toEqual([{ id }]);
    waited.push(performance.now() - from);
    // Captures come at rest, at other moments of the bell's one-second rhythm.
    await device.page.waitForTimeout(REST_MS + 137 * (n % 7));
  }
  await exportsPaused(airflow, true);
  expect(waited).toHaveLength(CAPTURES);
  const sorted = waited.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    ((sorted[Math.floor(sorted.length * part)] ?? 0) / 1000).toFixed(2);
  process.stdout.write(
    `record on the device to row: p50 ${at(0.5)} s, p90 ${at(0.9)} s, of ${CAPTURES}\n`,
  );
});
