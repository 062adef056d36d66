/** A mistake in the arguments: shown with the usage, without a stack; exit status 2. */
export class UsageError extends Error {}

/** A problem that the person at the keyboard can solve; shown alone, without a stack. */
export class Problem extends Error {}

/** Everything that a command has from its surroundings. */
export interface Output {
  /** Writes a text and a line's end to standard output. */
  readonly write: (text: string) => void;
  /** Writes to standard error: standard output is for programs to read. */
  readonly complain: (text: string) => void;
  /** Asks the person at the keyboard; absent where nobody is there. */
  readonly ask?: (question: string) => Promise<string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}
