// The stages of `npm test`.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { playwrightCounts, pytestCounts, vitestCounts } from './counts.mjs';
import { playwrightFailures, pytestFailures, vitestFailures } from './failures.mjs';
import { bin, provider, python, root, stateRoot } from './paths.mjs';

/** @typedef {import('./stage.mjs').Stage} Stage */

const E2E_MS_MAX = 42 * 60_000;
const reports = join(stateRoot, 'reports');
const node = process.execPath;
/** @param {string} name @param {string} file @returns {Stage} */
const script = (name, file) => ({ name, command: [node, join(root, 'scripts', file)] });
/** @param {string} name @returns {Stage} */
const npm = (name) => ({ name, command: ['npm', 'run', '--silent', name] });

/** @type {Stage[]} */
export const staticStages = [
  npm('lint'),
  npm('house'),
  npm('typecheck'),
  { name: 'lock file', command: [node, 'scripts/complete-lock.mjs', '--check'] },
  {
    name: 'generated types',
    command: [
      node,
      'scripts/types.mjs',
      '--check',
      'demo/collections.json',
      'demo/src/collections.ts',
    ],
  },
];

/**
 * @param {'unit' | 'simulation' | 'acceptance'} project
 * @param {string} [run] tells the reports of several runs apart
 * @returns {Stage}
 */
export function vitestStage(project, run = '') {
  const file = join(reports, `vitest-${project}${run}.json`);
  return {
    name: `${project} tests`,
    command: [
      bin('vitest'),
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ],
    report: { file, read: vitestCounts, failures: vitestFailures },
  };
}

/**
 * The engine against a real Airflow by both transports: the newest release with a PostgreSQL store,
 * the oldest supported release with SQLite.
 * @type {Stage[]}
 */
export const acceptanceStages = [
  { UPDRAFT_STORE: 'postgresql', UPDRAFT_AIRFLOW: '' },
  { UPDRAFT_STORE: 'sqlite', UPDRAFT_AIRFLOW: '3.1' },
].map((env) => {
  const stage = vitestStage('acceptance', `-${env.UPDRAFT_STORE}`);
  return {
    ...stage,
    name:
      `${stage.name} ` +
      `(${env.UPDRAFT_STORE}${env.UPDRAFT_AIRFLOW && `, Airflow ${env.UPDRAFT_AIRFLOW}`})`,
    env,
  };
});

/** @type {Stage[]} */
export const pythonStaticStages = [
  {
    name: 'ruff',
    command: [
      python,
      '-m',
      'ruff',
      'check',
      '.',
      join(root, 'scripts'),
      '--config',
      'pyproject.toml',
    ],
    cwd: provider,
  },
  {
    name: 'mypy',
    command: [
      python,
      '-m',
      'mypy',
      'airflow_updraft',
      ...['postgres.py', 'airflow_launcher.py'].map((file) => join(root, 'scripts', 'lib', file)),
    ],
    cwd: provider,
  },
];

/** @param {string[]} [args] @returns {Stage} */
export function pytestStage(args = []) {
  const file = join(reports, 'pytest.xml');
  return {
    name: 'Python tests',
    // A process per core, each with a separate PostgreSQL; named tests run in a single process, for
    // a debugger to follow.
    command: [
      python,
      '-m',
      'pytest',
      `--junitxml=${file}`,
      ...(args.length > 0 ? args : ['--numprocesses=auto', '--dist=worksteal']),
    ],
    cwd: provider,
    report: { file, read: pytestCounts, failures: pytestFailures },
  };
}

/** @type {Stage[]} */
export const buildStages = [npm('build'), npm('size'), npm('package')];

/** @type {Stage} */
export const lifecycleStage = {
  ...script('start and stop', 'lifecycle.check.mjs'),
  report: { file: join(reports, 'lifecycle.json'), read: (text) => JSON.parse(text) },
};

/** @type {Stage} */
export const plantedStage = {
  ...script('planted bugs', 'planted.mjs'),
  report: { file: join(reports, 'planted.json'), read: (text) => JSON.parse(text) },
};

/** Specs that count the store's revisions, or stop Airflow, and need a separate Airflow. */
const COUNTING = ['airflow-down', 'bad-input', 'five-tabs', 'kill-loop', 'scheduled-sync'].map(
  (name) => `${name}.spec.ts`,
);
/** Specs in the lane of the counting specs, so that both lanes take about as long. */
const BESIDE = ['old-client', 'other-protocol', 'pack', 'store-faults'].map(
  (name) => `${name}.spec.ts`,
);
/** Specs that measure time: nothing else may run beside them. */
const TIMED = [
  'asleep',
  'background-sync',
  'connectivity',
  'killed-worker',
  'pipeline',
  'plugin',
].map((name) => `${name}.spec.ts`);

/**
 * Returns the whole end-to-end suite, the other browsers included.
 * @param {string} chromium
 * @returns {{ most: Stage, counting: Stage, timed: Stage }}
 */
export function e2eStages(chromium) {
  const others = [...specsIn('e2e'), ...specsIn('e2e/browsers')].filter(
    (file) => ![...COUNTING, ...BESIDE, ...TIMED].some((name) => file.endsWith(`/${name}`)),
  );
  const projects = ['--project=plugin', '--project=dag'];
  const most = e2eStage(chromium, [...projects, '--project=browsers', ...others]);
  const counting = e2eStage(chromium, [...projects, ...COUNTING, ...BESIDE], 'playwright-counting');
  return {
    most: { ...most, env: { ...most.env, UPDRAFT_KEEP_AIRFLOW: 'yes' } },
    counting: {
      ...counting,
      name: `${counting.name} that count or stop Airflow`,
      env: { ...counting.env, UPDRAFT_E2E_LANE: '1' },
    },
    timed: {
      ...e2eStage(chromium, [...projects, ...TIMED], 'playwright-timed'),
      name: `${most.name}, timed`,
    },
  };
}

/** @param {string} folder @returns {string[]} */
const specsIn = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.spec.ts'))
    .map((name) => `${folder}/${name}`);

/**
 * Returns Firefox and WebKitGTK alone; the setup of the suite needs Chromium all the same.
 * @param {string} chromium
 * @returns {Stage}
 */
export const browsersStage = (chromium) => ({
  ...e2eStage(chromium, ['--project=browsers'], 'playwright-browsers'),
  name: 'other browsers',
});

/**
 * @param {string} chromium
 * @param {string[]} [args]
 * @param {string} [report] tells the reports of several runs apart
 * @returns {Stage}
 */
export function e2eStage(
  chromium,
  args = ['--project=plugin', '--project=dag'],
  report = 'playwright',
) {
  const file = join(reports, `${report}.json`);
  return {
    name: 'end-to-end tests',
    command: [
      node,
      join(root, 'node_modules', '@playwright', 'test', 'cli.js'),
      'test',
      '-c',
      'e2e/playwright.config.ts',
      '--reporter=list,json',
      ...args,
    ],
    env: {
      UPDRAFT_CHROMIUM: chromium,
      PLAYWRIGHT_JSON_OUTPUT_NAME: file,
      PLAYWRIGHT_JSON_OUTPUT_FILE: file,
    },
    limit_ms: E2E_MS_MAX,
    report: { file, read: playwrightCounts, failures: playwrightFailures },
  };
}
