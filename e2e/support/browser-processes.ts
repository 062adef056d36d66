import { readdirSync, readFileSync } from 'node:fs';

/**
 * Returns the processes of the browser with this profile: the main process first, which starts the
 * others.
 */
export function processesOf(profile: string): number[] {
  const own = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), command: commandOf(name) }))
    .filter(({ command }) => command.includes(`--user-data-dir=${profile}`));
  const isChild = ({ command }: { command: readonly string[] }): boolean =>
    command.some((part) => part.startsWith('--type='));
  return [...own.filter((one) => !isChild(one)), ...own.filter(isChild)].map(({ pid }) => pid);
}

/** Sends SIGKILL; a process that has ended meanwhile is fine too. */
export function endAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function commandOf(pid: string): string[] {
  try {
    // Chromium rewrites the command line with spaces between the parts.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split(/[\0 ]/);
  } catch {
    return [];
  }
}
