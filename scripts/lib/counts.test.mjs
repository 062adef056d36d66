import { describe, expect, test } from 'vitest';
import {
  believed,
  closingLine,
  isGood,
  none,
  playwrightCounts,
  pytestCounts,
  sum,
  vitestCounts,
} from './counts.mjs';

describe('the closing line', () => {
  test('names skipped checks only if there are any', () => {
    expect(closingLine({ passed: 7, failed: 0, skipped: 0 })).toBe('7 passed, 0 failed');
    expect(
      closingLine(
        sum([
          { passed: 7, failed: 1, skipped: 0 },
          { passed: 1, failed: 0, skipped: 2 },
        ]),
      ),
    ).toBe('8 passed, 1 failed, 2 skipped');
  });

  test('is not good when nothing ran', () => {
    expect(isGood(none)).toBe(false);
    expect(isGood({ passed: 0, failed: 0, skipped: 3 })).toBe(false);
    expect(isGood({ passed: 1, failed: 0, skipped: 0 })).toBe(true);
  });

  test('counts a runner that died after its last good test as a failure', () => {
    expect(believed({ passed: 5, failed: 0, skipped: 0 }, 1)).toEqual({
      passed: 5,
      failed: 1,
      skipped: 0,
    });
    expect(believed(none, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(believed({ passed: 5, failed: 2, skipped: 0 }, 1)).toEqual({
      passed: 5,
      failed: 2,
      skipped: 0,
    });
  });
});

describe('reports', () => {
  test('vitest: a file that cannot be loaded is a failure though it has no test', () => {
    const loaded = {
      status: 'passed',
      assertionResults: [{ status: 'passed' }, { status: 'pending' }],
    };
    const broken = { status: 'failed', assertionResults: [] };
    expect(vitestCounts(JSON.stringify({ testResults: [loaded, broken] }))).toEqual({
      passed: 1,
      failed: 1,
      skipped: 1,
    });
  });

  test('pytest: errors in fixtures are failures', () => {
    const xml =
      '<testsuites name="pytest tests"><testsuite name="pytest" errors="1" ' +
      'failures="2" skipped="3" tests="10" time="1.5"></testsuite></testsuites>';
    expect(pytestCounts(xml)).toEqual({ passed: 4, failed: 3, skipped: 3 });
  });

  test('playwright: an error outside any test is a failure, a flaky test passed', () => {
    expect(
      playwrightCounts(
        JSON.stringify({ stats: { expected: 2, flaky: 1, unexpected: 0, skipped: 1 }, errors: [] }),
      ),
    ).toEqual({
      passed: 3,
      failed: 0,
      skipped: 1,
    });
    expect(
      playwrightCounts(
        JSON.stringify({
          stats: { expected: 0, flaky: 0, unexpected: 0, skipped: 0 },
          errors: [{}],
        }),
      ).failed,
    ).toBe(1);
  });
});
