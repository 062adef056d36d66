import { Dexie } from 'dexie';
import { UpdraftError } from '../../shared/errors.ts';

/** The storage fault behind a failed transaction. */
export type StoreFault =
  | 'lost-connection' // the browser closed the database under the worker; reopening may work
  | 'full' // no room, by quota or on the disk
  | 'broken' // the database cannot be opened, read or written
  | 'none'; // the storage is not at fault

const LOST = new Set(['DatabaseClosedError', 'InvalidStateError', 'TransactionInactiveError']);
const BROKEN = new Set([
  'OpenFailedError',
  'UnknownError',
  'VersionError',
  'NotFoundError',
  'MissingApiError',
  'InvalidAccessError',
  'SecurityError',
  'DataError',
  'NotReadableError',
]);

/**
 * Finds the fault from the names of the nested errors: browsers and Dexie wrap errors in each
 * other. `hasBegun`: whether the transaction's body was running.
 */
export function storeFaultOf(error: unknown, hasBegun = true): StoreFault {
  const names = namesOf(error);
  if (names.includes('QuotaExceededError')) return 'full';
  if (isTaken(error)) return 'none';
  if (names.some((name) => LOST.has(name))) return 'lost-connection';
  // Dexie names no cause where the connection closed between the look and the transaction.
  if (names.length === 1 && names[0] === 'OpenFailedError') return 'lost-connection';
  // A closed connection aborts its transactions without a reason.
  if (names[0] === 'AbortError') return 'lost-connection';
  // No engine code has run yet. A connection that closes while opening fails inside Dexie, in many
  // ways.
  if (!hasBegun && !(error instanceof UpdraftError))
    return names.some((name) => BROKEN.has(name)) ? 'broken' : 'lost-connection';
  return names.some((name) => BROKEN.has(name)) || error instanceof Dexie.DexieError
    ? 'broken'
    : 'none';
}

/** Whether a row that was to be new was there already; nothing was changed. */
export const isTaken = (error: unknown): boolean => namesOf(error).includes('ConstraintError');

function namesOf(error: unknown): string[] {
  const names: string[] = [];
  for (
    let at = error;
    at instanceof Error || at instanceof DOMException;
    at = 'inner' in at ? at.inner : at.cause
  ) {
    if (names.length > 5) break;
    names.push(at.name);
  }
  return names;
}

/** Returns a storage failure as the error for a page; any other error is returned unchanged. */
export function toStoreError(error: unknown, hasBegun = true): unknown {
  const said = error instanceof Error ? error.message : String(error);
  const fault = storeFaultOf(error, hasBegun);
  if (fault === 'none') return error;
  return fault === 'full'
    ? new UpdraftError(
        'storage-full',
        `The browser has no room left to store this (${said}). Nothing was changed. Free space ` +
          'on this device and try again; what was captured before is kept.',
      )
    : new UpdraftError(
        'storage',
        `The browser's database cannot be used (${said}). Nothing was changed; what was ` +
          'captured before is kept. Try again; if it stays so, restart the browser.',
      );
}

/** Whether the error tells a page that the browser's storage is at fault. */
export const isStorageError = (error: unknown): boolean =>
  error instanceof UpdraftError &&
  (error.kind === 'storage' || error.kind === 'storage-full' || error.kind === 'storage-blocked');

export const blockedError = (): UpdraftError =>
  new UpdraftError(
    'storage-blocked',
    'Another tab holds an older version of the database open, and does not let go. Nothing was ' +
      'changed. Close the other tabs of this app, or reload them, and try again.',
  );

export const foreignError = (name: string): UpdraftError =>
  new UpdraftError(
    'storage',
    `The database "${name}" of this origin is not Updraft's: another script has made one of ` +
      'that name. It was left alone, and nothing was captured. Delete it, or give it another ' +
      'name there.',
  );

export const newerError = (): UpdraftError =>
  new UpdraftError(
    'reload-needed',
    'A newer version of this app has written the database on this device. Nothing was changed; ' +
      'what was captured is kept. Reload the page, so that the newer version runs again.',
  );
