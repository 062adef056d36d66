// Finds the processes of an Airflow. Airflow's tasks leave the process group, and a killed parent
// leaves orphans, so the group alone is not enough: the session and an environment variable are
// (Linux), or the tree of parents (macOS).
import { readFileSync, readdirSync } from 'node:fs';
import { isAlive } from './pid-lock.mjs';
import { capture, sleep } from './run.mjs';

const TERM_MS_MAX = 8_000;
const KILL_MS_MAX = 5_000;

/**
 * @typedef {{ leader: number | undefined, marker: string }} Family a session leader's pid and
 *   `NAME=value` of its environment
 */

/** Returns the pids of all living members. @param {Family} family @returns {Promise<number[]>} */
export async function members(family) {
  return process.platform === 'linux' ? membersOnLinux(family) : await membersByTree(family);
}

/** @param {Family} family @returns {number[]} */
function membersOnLinux({ leader, marker }) {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => {
      try {
        // pid (name) state ppid pgrp session …; a name may hold spaces and brackets
        const [state, , , session] = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        if (state === 'Z' || state === 'X') return false;
        if (leader !== undefined && Number(session) === leader) return true;
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(marker);
      } catch {
        return false; // gone, or another user's
      }
    });
}

/** @param {Family} family @returns {Promise<number[]>} */
async function membersByTree({ leader }) {
  if (leader === undefined) return [];
  const { stdout } = await capture('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const found = new Set([leader]);
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, ppid, pgid] of rows.map((row) => row.map(Number))) {
      if (pid === undefined || found.has(pid)) continue;
      if ((ppid !== undefined && found.has(ppid)) || pgid === leader)
        grown = Boolean(found.add(pid));
    }
  }
  const alive = new Set(
    rows.filter((row) => !row[3]?.startsWith('Z')).map((row) => Number(row[0])),
  );
  return [...found].filter((pid) => alive.has(pid));
}

/**
 * Ends all members: ask, wait, kill, and look again until none is left. `atOnce`: kill without
 * asking.
 * @param {Family} family
 * @param {{ atOnce?: boolean }} [options]
 * @returns {Promise<number[]>} survivors of the kill
 */
export async function endFamily(family, { atOnce = false } = {}) {
  let known = await members(family);
  /** @param {NodeJS.Signals} signal @param {number} wait_ms */
  const signalUntilGone = async (signal, wait_ms) => {
    const told = new Set();
    for (const deadline = Date.now() + wait_ms; known.length > 0 && Date.now() < deadline;) {
      for (const pid of known.filter((one) => !told.has(one))) told.add(send(pid, signal));
      await sleep(100);
      // an orphan has no family tree any more: remember the members seen
      known = [...new Set([...known.filter(isAlive), ...(await members(family))])];
    }
  };
  if (!atOnce) await signalUntilGone('SIGTERM', TERM_MS_MAX);
  await signalUntilGone('SIGKILL', KILL_MS_MAX);
  return known;
}

/** @param {number} pid @param {NodeJS.Signals} signal @returns {number} the pid */
function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // already gone
  }
  return pid;
}
