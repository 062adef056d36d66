// Counts of passed checks, from each test runner's machine-readable report. A runner that died
// without a report is a failure.
/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @type {Counts} */
export const none = { passed: 0, failed: 0, skipped: 0 };

/** @param {Counts[]} all @returns {Counts} */
export const sum = (all) =>
  all.reduce(
    (a, b) => ({
      passed: a.passed + b.passed,
      failed: a.failed + b.failed,
      skipped: a.skipped + b.skipped,
    }),
    none,
  );

/** The last line of `npm test`. @param {Counts} counts */
export const closingLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

/** Whether nothing failed, and a check ran. @param {Counts} counts */
export const isGood = ({ passed, failed }) => failed === 0 && passed > 0;

/** Counts of a stage that has only an exit code. @param {number} exitCode @returns {Counts} */
export const oneCheck = (exitCode) =>
  exitCode === 0 ? { ...none, passed: 1 } : { ...none, failed: 1 };

/**
 * Corrects a runner's report by the exit code: a bad code without a counted failure, or a good code
 * without a test, is a failure.
 * @param {Counts} counts
 * @param {number} exitCode
 * @returns {Counts}
 */
export function believed(counts, exitCode) {
  if (counts.failed > 0) return counts;
  return exitCode !== 0 || counts.passed + counts.skipped === 0 ? { ...counts, failed: 1 } : counts;
}

/**
 * Reads Vitest's json report. A file that could not be loaded has no tests and counts as a failure.
 * @param {string} text
 * @returns {Counts}
 */
export function vitestCounts(text) {
  const { testResults = [] } = JSON.parse(text);
  return sum(
    testResults.map(
      (/** @type {{ status: string, assertionResults: Array<{ status: string }> }} */ file) => {
        const has = (/** @type {string} */ status) =>
          file.assertionResults.filter((test) => test.status === status).length;
        const counts = {
          passed: has('passed'),
          failed: has('failed'),
          skipped: has('pending') + has('skipped') + has('todo'),
        };
        return file.status === 'failed' && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
      },
    ),
  );
}

/**
 * Reads Pytest's junit xml: the attributes of the single `<testsuite>`.
 * @param {string} text
 * @returns {Counts}
 */
export function pytestCounts(text) {
  const suites = text.match(/<testsuite\s[^>]*>/g) ?? [];
  return sum(
    suites.map((suite) => {
      const number = (/** @type {string} */ name) =>
        Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
      const failed = number('failures') + number('errors');
      return {
        passed: Math.max(0, number('tests') - failed - number('skipped')),
        failed,
        skipped: number('skipped'),
      };
    }),
  );
}

/**
 * Reads Playwright's json report; a test that passed at a retry passed.
 * @param {string} text
 * @returns {Counts}
 */
export function playwrightCounts(text) {
  const { stats = {}, errors = [] } = JSON.parse(text);
  const { expected = 0, flaky = 0, unexpected = 0, skipped = 0 } = stats;
  return {
    passed: expected + flaky,
    failed: unexpected + (unexpected === 0 && errors.length > 0 ? 1 : 0),
    skipped,
  };
}
