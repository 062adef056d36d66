import { UpdraftError } from '../shared/errors.ts';

/**
 * Throws for options that a call does not know, and for anything else in their place: an option
 * that is ignored would do something else than the caller means.
 */
export function onlyOptions(call: string, given: unknown, ...names: readonly string[]): void {
  if (given === undefined) return;
  const odd =
    typeof given === 'object' && given
      ? Object.keys(given).find((name) => !names.includes(name))
      : (given as string);
  if (odd !== undefined)
    throw new UpdraftError(
      'bad-option',
      `${call}() knows no option "${odd}", only {${names}}. Nothing was done.`,
    );
}
