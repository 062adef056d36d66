import { readdirSync, readFileSync } from 'node:fs';

/** The processes of the browser that runs with this profile: the browser's own first, since it starts the others. */
export function processesOf(profile: string): number[] {
  const own = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), command: commandOf(name) }))
    .filter(({ command }) => command.includes(`--user-data-dir=${profile}`));
  const isChild = ({ command }: { command: readonly string[] }): boolean => command.some((part) => part.startsWith('--type='));
  return [...own.filter((one) => !isChild(one)), ...own.filter(isChild)].map(({ pid }) => pid);
}

/** SIGKILL; a process that has ended meanwhile is as wanted. */
export function endAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function commandOf(pid: string): string[] {
  try {
    // Chromium rewrites its command line with spaces between the parts.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split(/[\0 ]/);
  } catch {
    return [];
  }
}
