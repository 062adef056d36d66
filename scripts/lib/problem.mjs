/** A problem the person at the keyboard can solve: shown as a message alone, without a stack. */
export class Problem extends Error {}

/** @param {unknown} error @returns {string} */
export function messageOf(error) {
  if (error instanceof Problem) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Prints progress to stderr: stdout is for programs to read. @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a script's main function; a problem becomes a clear message and exit code 1.
 * @param {() => Promise<number | void>} work
 */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    say(`\n✗ ${messageOf(error)}`);
    process.exitCode = 1;
  }
}
