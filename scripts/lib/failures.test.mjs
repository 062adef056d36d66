import { expect, test } from 'vitest';
import { playwrightFailures, pytestFailures, vitestFailures } from './failures.mjs';

test('vitest: failed tests, and a file that cannot be loaded', () => {
  const testResults = [
    {
      status: 'failed',
      name: 'a.test.ts',
      assertionResults: [
        { status: 'passed', fullName: 'passes' },
        {
          status: 'failed',
          fullName: 'a group fails',
          failureMessages: ['\u001b[31mError: 1 is not 2\u001b[39m\n    at a.test.ts'],
        },
      ],
    },
    { status: 'failed', name: 'b.test.ts', message: 'no such module', assertionResults: [] },
  ];
  expect(vitestFailures(JSON.stringify({ testResults }))).toEqual([
    'a group fails: Error: 1 is not 2',
    'b.test.ts: no such module',
  ]);
});

test('pytest: failures and errors, not what is skipped or passed', () => {
  const xml =
    '<testsuites><testsuite name="pytest" tests="4"><testcase classname="tests.test_a" ' +
    'name="test_passes" time="0.1" /><testcase classname="tests.test_a" ' +
    'name="test_fails[a&lt;b]" time="0.1"><failure message="assert 1 == 2&#10;  more">' +
    'def test():\n</failure></testcase>' +
    '<testcase classname="tests.test_a" name="test_skipped"><skipped message="not here" />' +
    '</testcase><testcase classname="tests.test_b" name="test_errs"><error message="failed on ' +
    'setup with &quot;x&quot;">…</error></testcase></testsuite></testsuites>';
  expect(pytestFailures(xml)).toEqual([
    'test_fails[a<b]: assert 1 == 2',
    'test_errs: failed on setup with "x"',
  ]);
});

test('playwright: specs at any depth, and errors outside of tests', () => {
  const spec = { title: 'passes', file: 'a.spec.ts', line: 1, ok: true, tests: [] };
  const failed = {
    title: 'fails',
    file: 'a.spec.ts',
    line: 9,
    ok: false,
    tests: [{ projectName: 'plugin', results: [{}, { error: { message: 'Error: late\n at' } }] }],
  };
  const report = {
    suites: [{ specs: [spec], suites: [{ specs: [failed] }] }],
    errors: [{ message: 'no Chromium' }],
  };
  expect(playwrightFailures(JSON.stringify(report))).toEqual([
    '[plugin] a.spec.ts:9 fails: Error: late',
    'outside any test: no Chromium',
  ]);
});

test('of very many failures the first are told, and how many more there are', () => {
  const assertionResults = Array.from({ length: 30 }, (_, index) => ({
    status: 'failed',
    fullName: `test ${index}`,
  }));
  const told = vitestFailures(
    JSON.stringify({ testResults: [{ status: 'failed', name: 'a', assertionResults }] }),
  );
  expect(told).toHaveLength(21);
  expect(told.at(-1)).toBe('and 10 more');
});
