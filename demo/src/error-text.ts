import { UpdraftError } from '../../client/index.ts';
import { ERROR_WORDS } from './words.ts';

/** Describes a failure: a word for the kind, then the error's own reason and advice. */
export function errorText(error: unknown): string {
  if (error instanceof UpdraftError) return `${ERROR_WORDS[error.kind]}. ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
