import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { believed, oneCheck } from './counts.mjs';
import { show } from './run.mjs';

/**
 * One part of `npm test`.
 * @typedef {object} Stage
 * @property {string} name
 * @property {string[]} command
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] on top of ours
 * @property {number} [limit_ms] killed after it
 * @property {{ file: string, read: (text: string) => import('./counts.mjs').Counts }} [report] without one the stage is one check
 */

/**
 * Run a stage on this terminal. It never throws: whatever goes wrong is a failure of the stage.
 * @param {Stage} stage @returns {Promise<{ name: string, counts: import('./counts.mjs').Counts, seconds: number }>}
 */
export async function runStage(stage) {
  process.stdout.write(`\n━━ ${stage.name}\n`);
  const started_ms = Date.now();
  if (stage.report) {
    mkdirSync(dirname(stage.report.file), { recursive: true });
    rmSync(stage.report.file, { force: true }); // an old report must not speak for a run that never happened
  }
  const [command = '', ...args] = stage.command;
  const options = { env: { ...process.env, ...stage.env }, ...(stage.cwd && { cwd: stage.cwd }), ...(stage.limit_ms && { limit_ms: stage.limit_ms }) };
  const exitCode = await show(command, args, options);
  return { name: stage.name, counts: countsOf(stage, exitCode), seconds: (Date.now() - started_ms) / 1000 };
}

/** @param {Stage} stage @param {number} exitCode */
function countsOf({ report }, exitCode) {
  if (!report) return oneCheck(exitCode);
  try {
    return believed(existsSync(report.file) ? report.read(readFileSync(report.file, 'utf8')) : oneCheck(1), exitCode);
  } catch {
    return oneCheck(1);
  }
}
