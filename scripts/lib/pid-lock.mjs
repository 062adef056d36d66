import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Problem, say } from './problem.mjs';
import { sleep } from './run.mjs';

const WAIT_MS_MAX = 15 * 60_000;

/**
 * Does the work while holding a lock file; a second process waits for the first, and takes over a
 * dead process's lock.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withPidLock(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  const deadline = Date.now() + WAIT_MS_MAX;
  for (let told = false; !take(file);) {
    const holder = holderOf(file);
    if (!told && holder !== undefined)
      say(`… waiting for process ${holder}, which is working on the same folder`);
    told ||= holder !== undefined;
    if (Date.now() > deadline)
      throw new Problem(`${file} is held for too long. Remove it if no setup is running.`);
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    releasePidLock(file);
  }
}

/** Gives up a lock of this process; another's is left alone. @param {string} file */
export function releasePidLock(file) {
  if (holderOf(file) === process.pid) rmSync(file, { force: true });
}

/**
 * Takes a lock file until `releasePidLock`, or the end of this process, or returns false where
 * another living process has it. The file of an ended process is taken over.
 * @param {string} file
 */
export function tryPidLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  return take(file) || take(file) || holderOf(file) === process.pid;
}

/** @param {string} file @returns {boolean} */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
  }
  const holder = holderOf(file);
  if (holder !== undefined && !isAlive(holder)) {
    const aside = `${file}.${process.pid}`;
    try {
      // atomic: of two processes that saw the dead holder a single process moves the file away
      renameSync(file, aside);
      // the file was a new holder's already: give the file back
      if (holderOf(aside) !== holder) renameSync(aside, file);
      else rmSync(aside);
    } catch {
      // the other process was faster
    }
  }
  return false;
}

/** @param {string} file @returns {number | undefined} */
function holderOf(file) {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a process runs. A zombie does not: nothing but its parent's `wait` can remove a zombie.
 * @param {number} pid
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
