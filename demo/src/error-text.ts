import { UpdraftError } from '../../client/index.ts';
import { ERROR_WORDS } from './words.ts';

/** What failed, in a word by its kind, and the error's own reason and advice. */
export function errorText(error: unknown): string {
  if (error instanceof UpdraftError) return `${ERROR_WORDS[error.kind]}. ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
