import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { believed, oneCheck } from './counts.mjs';
import { stateRoot } from './paths.mjs';
import { show } from './run.mjs';

/**
 * A part of `npm test`.
 * @typedef {object} Stage
 * @property {string} name
 * @property {string[]} command
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] on top of ours
 * @property {number} [limit_ms] killed afterwards
 * @property {Report} [report] without a report the stage is a single check
 *
 * @typedef {object} Report
 * @property {string} file
 * @property {(text: string) => import('./counts.mjs').Counts} read
 * @property {(text: string) => string[]} [failures] names of what failed
 *
 * @typedef {object} Result
 * @property {string} name
 * @property {import('./counts.mjs').Counts} counts
 * @property {number} seconds
 * @property {string[]} [failures]
 */

/**
 * Runs lanes of stages side by side, and a lane's stages in order. A stage's output is shown as
 * a whole when the stage has ended.
 * @param {Stage[][]} lanes
 * @returns {Promise<Result[]>} in the order of the lanes
 */
export async function runLanes(lanes) {
  const [only, ...others] = lanes.filter((lane) => lane.length > 0);
  if (!only) return [];
  if (others.length === 0) return await inOrder(only, runStage);
  return (await Promise.all([only, ...others].map((lane) => inOrder(lane, runStageAside)))).flat();
}

/**
 * @param {Stage[]} stages
 * @param {(stage: Stage) => Promise<Result>} run
 * @returns {Promise<Result[]>}
 */
async function inOrder(stages, run) {
  const results = [];
  for (const stage of stages) results.push(await run(stage));
  return results;
}

/** @param {Stage} stage @returns {Promise<Result>} */
async function runStageAside(stage) {
  process.stdout.write(`… ${stage.name}\n`);
  const file = join(stateRoot, 'reports', `${stage.name.replaceAll(/[^\w.]+/g, '-')}.log`);
  mkdirSync(dirname(file), { recursive: true });
  const output = openSync(file, 'w');
  const result = await measured(stage, output);
  closeSync(output);
  process.stdout.write(`\n━━ ${stage.name}\n${readFileSync(file, 'utf8')}`);
  return result;
}

/**
 * Runs a stage on this terminal. Never throws: any error is a failure of the stage.
 * @param {Stage} stage
 * @returns {Promise<Result>}
 */
export async function runStage(stage) {
  process.stdout.write(`\n━━ ${stage.name}\n`);
  return await measured(stage);
}

/**
 * @param {Stage} stage
 * @param {number} [output] the descriptor of a file
 * @returns {Promise<Result>}
 */
async function measured(stage, output) {
  const started_ms = Date.now();
  if (stage.report) {
    mkdirSync(dirname(stage.report.file), { recursive: true });
    // an old report must not speak for a run that never happened
    rmSync(stage.report.file, { force: true });
  }
  const [command = '', ...args] = stage.command;
  const options = {
    env: { ...process.env, ...stage.env },
    ...(stage.cwd && { cwd: stage.cwd }),
    ...(stage.limit_ms && { limit_ms: stage.limit_ms }),
    ...(output !== undefined && { output }),
  };
  const exitCode = await show(command, args, options);
  return {
    name: stage.name,
    counts: countsOf(stage, exitCode),
    seconds: (Date.now() - started_ms) / 1000,
    failures: failuresOf(stage),
  };
}

/** @param {Stage} stage @returns {string[]} */
function failuresOf({ report }) {
  if (!report?.failures || !existsSync(report.file)) return [];
  try {
    return report.failures(readFileSync(report.file, 'utf8'));
  } catch {
    return [];
  }
}

/** @param {Stage} stage @param {number} exitCode */
function countsOf({ report }, exitCode) {
  if (!report) return oneCheck(exitCode);
  try {
    return believed(
      existsSync(report.file) ? report.read(readFileSync(report.file, 'utf8')) : oneCheck(1),
      exitCode,
    );
  } catch {
    return oneCheck(1);
  }
}
