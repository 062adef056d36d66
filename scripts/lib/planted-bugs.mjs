// Proves that the tests notice: each bug planted behind a build flag must turn its named test red,
// and the test must be green without the bug.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pytestCounts, vitestCounts } from './counts.mjs';
import { bin, provider, python, stateRoot } from './paths.mjs';
import { capture, tail } from './run.mjs';

/**
 * @typedef {{ bug: string, runner: 'vitest' | 'pytest', testFile: string, testName: string }}
 *   PlantedBug
 */
/** @typedef {{ ran: number, failed: number, output: string }} Outcome of the named test alone */

/**
 * For vitest `testName` is (a part of) the full name, for pytest a `-k` expression.
 * @type {PlantedBug[]}
 */
export const plantedBugs = [
  {
    bug: 'refusal-empties-base',
    runner: 'vitest',
    testFile: 'sw/record/apply-verdict.test.ts',
    testName:
      'unknown_collection with neither revision nor record leaves the base alone: ' +
      'nobody has deleted it there',
  },
  {
    bug: 'delete-before-send',
    runner: 'vitest',
    testFile: 'sw/simulation/replay.sim.ts',
    testName: 'the wake-up row stays until the delivery is settled',
  },
  {
    bug: 'acknowledge-before-commit',
    runner: 'vitest',
    testFile: 'sw/simulation/replay.sim.ts',
    testName: 'a put that could not be written rejects, and resolves only after it is on disk',
  },
  {
    bug: 'no-hash-check',
    runner: 'vitest',
    testFile: 'sw/simulation/replay.sim.ts',
    testName: 'an answer to another request settles nothing',
  },
  {
    bug: 'html-200-acknowledges',
    runner: 'vitest',
    testFile: 'sw/transport/classify.test.ts',
    testName: 'captive portal: a 200 with HTML acknowledges nothing',
  },
  {
    bug: 'batch-number-reused',
    runner: 'vitest',
    testFile: 'sw/simulation/replay.sim.ts',
    testName: 'both edit one field, one edits another: one conflict, one merge',
  },
  {
    bug: 'base-revision-at-capture',
    runner: 'vitest',
    testFile: 'sw/simulation/replay.sim.ts',
    testName: 'both edit one field, one edits another: one conflict, one merge',
  },
  {
    bug: '401-drops-the-batch',
    runner: 'vitest',
    testFile: 'sw/simulation/sessions.sim.ts',
    testName: 'a token revoked between two batches parks the queue as it is (plugin, token-401)',
  },
  {
    bug: 'unsigned-answers',
    runner: 'vitest',
    testFile: 'sw/transport/dag.test.ts',
    testName: 'unsigned: nothing is acknowledged, a new attempt',
  },
  {
    bug: 'lock-leak',
    runner: 'vitest',
    testFile: 'sw/replay/single-flight.test.ts',
    testName: 'a failed run rejects for its own callers; the next run starts all the same',
  },
  {
    bug: 'turned-away-for-ever',
    runner: 'vitest',
    testFile: 'sw/turned-away.test.ts',
    testName: 'is found by halving, and is a dead letter with the words; all others arrive',
  },
  {
    bug: 'unfit-view-unmarked',
    runner: 'vitest',
    testFile: 'sw/simulation/both-changed.sim.ts',
    testName: 'the unsent edit stays unsent, as a lasting conflict (asks)',
  },
  {
    bug: 'elements-sent-as-value',
    runner: 'vitest',
    testFile: 'sw/simulation/lists.sim.ts',
    testName: 'fault 76: elements, policy of asks both add: merged, nobody is asked',
  },
  {
    bug: 'ledger-expiry',
    runner: 'pytest',
    testFile: 'tests/test_maintenance.py',
    testName: 'test_ledger_is_never_pruned_so_a_resend_after_years_has_no_second_effect',
  },
  {
    bug: 'refused-rows-forgotten',
    runner: 'pytest',
    testFile: 'tests/test_targets.py',
    testName: 'test_case_c2_one_of_a_thousand_is_found_and_the_others_are_written',
  },
  {
    bug: 'exports-without-turns',
    runner: 'pytest',
    testFile: 'tests/test_target_bell.py',
    testName: 'test_fault_78_two_exports_at_once_write_each_row_once',
  },
  {
    bug: 'bell-rings-once',
    runner: 'pytest',
    testFile: 'tests/test_bell.py',
    testName: 'test_case_c8_bell_rings_again_until_nothing_is_left',
  },
  {
    bug: 'any-store-admitted',
    runner: 'pytest',
    testFile: 'tests/plugin/test_wrong_store.py',
    testName: 'test_case_c10_connection_edited_to_an_empty_database_empties_no_device',
  },
  {
    bug: 'feed-without-lock',
    runner: 'pytest',
    testFile: 'tests/test_concurrency.py',
    testName: 'test_reader_never_skips_a_change_a_slower_writer_commits_later',
  },
];

/**
 * @param {PlantedBug} planted
 * @param {(planted: PlantedBug, withBug: boolean) => Promise<Outcome>} [runTest]
 * @returns {Promise<string | undefined>} the problem, or undefined for a test that does its duty
 */
export async function problemWith(planted, runTest = runNamedTest) {
  if (!planted.testName) return 'no test is named for it in scripts/lib/planted-bugs.mjs';
  const clean = await runTest(planted, false);
  if (clean.ran === 0)
    return `its test did not run: no "${planted.testName}" in ${planted.testFile}\n${clean.output}`;
  if (clean.failed > 0) return `its test is red even without the bug\n${clean.output}`;
  const broken = await runTest(planted, true);
  if (broken.ran === 0) return `with the bug its test did not run at all\n${broken.output}`;
  return broken.failed > 0
    ? undefined
    : `"${planted.testName}" stays green with the bug: it proves nothing`;
}

/** @param {PlantedBug} planted @param {boolean} withBug @returns {Promise<Outcome>} */
async function runNamedTest({ bug, runner, testFile, testName }, withBug) {
  const report = join(stateRoot, 'reports', `planted-${process.pid}`);
  rmSync(report, { force: true });
  const env = { ...process.env };
  delete env['UPDRAFT_PLANTED_BUG'];
  if (withBug) env['UPDRAFT_PLANTED_BUG'] = bug;
  const done =
    runner === 'vitest'
      ? await capture(
          bin('vitest'),
          ['run', testFile, '-t', escaped(testName), '--reporter=json', `--outputFile=${report}`],
          { env },
        )
      : await capture(
          python,
          [
            '-m',
            'pytest',
            testFile,
            '-k',
            testName,
            `--junitxml=${report}`,
            ...(withBug ? ['--planted-bug', bug] : []),
          ],
          {
            env,
            cwd: provider,
          },
        );
  const { passed, failed } = existsSync(report)
    ? (runner === 'vitest' ? testsOf : pytestCounts)(readFileSync(report, 'utf8'))
    : { passed: 0, failed: 0 };
  rmSync(report, { force: true });
  return { ran: passed + failed, failed, output: tail(done.stdout + done.stderr, 8) };
}

/** Reads the tests alone: a file that could not be loaded is no red test. @param {string} text */
function testsOf(text) {
  const report = JSON.parse(text);
  return vitestCounts(
    JSON.stringify({
      testResults: report.testResults.map((/** @type {object} */ file) => ({
        ...file,
        status: 'passed',
      })),
    }),
  );
}

/** Escapes a name for a pattern. @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
