// Names of failed checks with the first line of each reason, from the runners' reports: the end of
// a run's output, which may be all that is kept of it, then says what failed.
import { stripVTControlCharacters } from 'node:util';

/** Limit on names told of a stage: many failures have one cause. */
const TOLD_MAX = 20;

/** @param {string} name @param {string | undefined} message */
const line = (name, message = '') => {
  const [first = ''] = stripVTControlCharacters(message).trim().split('\n');
  return first === '' ? name : `${name}: ${first.slice(0, 200)}`;
};

/** @param {string[]} lines */
const bounded = (lines) =>
  lines.length > TOLD_MAX
    ? [...lines.slice(0, TOLD_MAX), `and ${lines.length - TOLD_MAX} more`]
    : lines;

/**
 * @typedef {{ status: string, fullName: string, failureMessages?: string[] }} VitestTest
 * @typedef {{ status: string, name: string, message?: string, assertionResults: VitestTest[]
 * }} VitestFile
 */

/** @param {string} text Vitest's json report @returns {string[]} */
export function vitestFailures(text) {
  /** @type {VitestFile[]} */
  const files = JSON.parse(text).testResults ?? [];
  return bounded(
    files.flatMap(({ status, name, message, assertionResults }) => {
      const failed = assertionResults.filter((test) => test.status === 'failed');
      return failed.length === 0 && status === 'failed'
        ? [line(name, message)]
        : failed.map((test) => line(test.fullName, test.failureMessages?.[0]));
    }),
  );
}

const TESTCASE = /<testcase\s([^>]*[^/>])>([^]*?)<\/testcase>/g;
const PROBLEM = /<(?:failure|error)\s[^>]*?message="([^"]*)"/;
/** @type {Readonly<Record<string, string>>} */
const ENTITIES = { amp: '&', apos: "'", gt: '>', lt: '<', quot: '"', '#10': '\n' };

/** @param {string} text Pytest's junit xml @returns {string[]} */
export function pytestFailures(text) {
  const plain = (/** @type {string | undefined} */ value = '') =>
    value.replaceAll(/&(\w+|#10);/g, (all, name) => ENTITIES[name] ?? all);
  return bounded(
    [...text.matchAll(TESTCASE)].flatMap(([, attributes = '', body = '']) => {
      const [found, message] = PROBLEM.exec(body) ?? [];
      const [, name] = /\sname="([^"]*)"/.exec(` ${attributes}`) ?? [];
      return found === undefined ? [] : [line(plain(name), plain(message))];
    }),
  );
}

/**
 * @typedef {{ error?: { message?: string } }} PlaywrightResult
 * @typedef {{ title: string, file: string, line: number, ok: boolean,
 *   tests: { projectName: string, results: PlaywrightResult[] }[] }} PlaywrightSpec
 * @typedef {{ suites?: PlaywrightSuite[], specs?: PlaywrightSpec[] }} PlaywrightSuite
 */

/** @param {string} text Playwright's json report @returns {string[]} */
export function playwrightFailures(text) {
  const { suites = [], errors = [] } = JSON.parse(text);
  /** @param {PlaywrightSuite} suite @returns {PlaywrightSpec[]} */
  const specsOf = ({ suites: inner = [], specs = [] }) => [...specs, ...inner.flatMap(specsOf)];
  const failed = suites.flatMap(specsOf).filter((/** @type {PlaywrightSpec} */ { ok }) => !ok);
  return bounded([
    ...failed.map((/** @type {PlaywrightSpec} */ { title, file, line: at, tests }) => {
      const [test] = tests;
      const error = test?.results.find((result) => result.error)?.error;
      return line(`[${test?.projectName}] ${file}:${at} ${title}`, error?.message);
    }),
    ...errors.map((/** @type {{ message?: string }} */ { message }) =>
      line('outside any test', message),
    ),
  ]);
}
