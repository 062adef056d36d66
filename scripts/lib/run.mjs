import { spawn } from 'node:child_process';
import { Problem } from './problem.mjs';
import { root } from './paths.mjs';

const KILL_AFTER_MS = 15_000;

/**
 * Child processes, which end with this process in any case.
 * @type {Set<import('node:child_process').ChildProcess>}
 */
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGTERM')));

/** @template {import('node:child_process').ChildProcess} T @param {T} child @returns {T} */
function tracked(child) {
  running.add(child);
  child.once('close', () => running.delete(child)).once('error', () => running.delete(child));
  return child;
}

/**
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, input?: string, detached?: boolean }}
 * RunOptions
 *   detached: in its own session, out of reach of this terminal's Ctrl-C
 * @typedef {{ code: number, stdout: string, stderr: string }} Done
 */

/**
 * Runs a command to the end and collects the output. A missing command is exit code 127.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Done>}
 */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = tracked(
      spawn(command, args, {
        cwd: options.cwd ?? root,
        env: options.env ?? process.env,
        detached: options.detached ?? false,
      }),
    );
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
    child.on('error', (error) => resolve({ code: 127, stdout: '', stderr: error.message }));
    child.on('close', (code, signal) => resolve({ code: signal ? 128 : (code ?? 1), ...output }));
    // the command ended without reading the input: the exit code tells
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  });
}

/**
 * Runs a command that must succeed.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} the command's stdout
 */
export async function run(command, args, options = {}) {
  const done = await capture(command, args, options);
  if (done.code !== 0) {
    throw new Problem(
      `\`${[command, ...args].join(' ')}\` failed ` +
        `(${done.code}):\n${tail(done.stderr + done.stdout)}`,
    );
  }
  return done.stdout;
}

/**
 * Runs a command with this terminal's output, or with a file's (`output`: the descriptor). At the
 * limit the command is asked to end, then killed.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions & { limit_ms?: number, output?: number }} [options]
 * @returns {Promise<number>} its exit code
 */
export function show(command, args, options = {}) {
  return new Promise((resolve) => {
    const to = options.output ?? 'inherit';
    const child = tracked(
      spawn(command, args, {
        cwd: options.cwd ?? root,
        env: options.env ?? process.env,
        stdio: ['inherit', to, to],
      }),
    );
    /** @type {NodeJS.Timeout[]} */
    const timers = [];
    if (options.limit_ms !== undefined) {
      timers.push(setTimeout(() => child.kill('SIGTERM'), options.limit_ms));
      timers.push(setTimeout(() => child.kill('SIGKILL'), options.limit_ms + KILL_AFTER_MS));
    }
    const end = (/** @type {number} */ code) => {
      timers.forEach(clearTimeout);
      resolve(code);
    };
    child.on('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      end(127);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

/** Returns the last lines of a text. @param {string} text @param {number} [lines] */
export function tail(text, lines = 25) {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** @param {number} milliseconds */
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
