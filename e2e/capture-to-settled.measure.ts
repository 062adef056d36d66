import { expect, test } from './support/test.ts';

const CAPTURES = 20;

// Not a test of time: UPDRAFT_MEASURE=1 npx playwright test -c e2e/playwright.config.ts --project
// measure
test('measured: capture to settled, online, one after the other', async ({ device, prefix }) => {
  test.setTimeout(300_000);
  await device.openSignedIn('ana');
  const measured = await device.page.evaluate(
    async ({ count, start }) => {
      const each: { durable: number; settled: number }[] = [];
      for (let n = 0; n < count; n++) {
        const from = performance.now();
        const { settled } = await client()
          .collection('inspections')
          .put({ id: start + n, site: 'A7', status: 'ok' });
        const durable = performance.now() - from;
        await settled;
        each.push({ durable, settled: performance.now() - from });
      }
      return each;
    },
    { count: CAPTURES, start: prefix },
  );
  expect(measured).toHaveLength(CAPTURES);
  const at = (part: number, values: readonly number[]): string =>
    (values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0).toFixed(0);
  for (const name of ['durable', 'settled'] as const) {
    const values = measured.map((one) => one[name]);
    process.stdout.write(
      `capture to ${name}: p50 ${at(0.5, values)} ms, p90 ${at(0.9, values)} ms, of ${CAPTURES}\n`,
    );
  }
});
