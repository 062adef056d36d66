import { Dexie } from 'dexie';
import { UpdraftError } from '../../shared/errors.ts';

/** What a failed transaction says about the storage. */
export type StoreFault =
  | 'lost-connection' // the browser closed the database under the worker: it may open again
  | 'full' // no room, by quota or on the disk
  | 'broken' // it cannot be opened, read or written
  | 'none'; // the failure is not the storage's

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

/** Reads the failure from its names: browsers and Dexie wrap one error in another. `hasBegun`: the transaction's body was running. */
export function storeFaultOf(error: unknown, hasBegun = true): StoreFault {
  const names = namesOf(error);
  if (names.includes('QuotaExceededError')) return 'full';
  if (names.some((name) => LOST.has(name))) return 'lost-connection';
  // A connection that is closed aborts its transactions, and names no reason.
  if (names[0] === 'AbortError') return 'lost-connection';
  // Nothing of the engine's ran yet: a connection that closes while it opens fails in Dexie, in many ways.
  if (!hasBegun && !(error instanceof UpdraftError)) return names.some((name) => BROKEN.has(name)) ? 'broken' : 'lost-connection';
  return names.some((name) => BROKEN.has(name)) || error instanceof Dexie.DexieError ? 'broken' : 'none';
}

function namesOf(error: unknown): string[] {
  const names: string[] = [];
  for (let at = error; at instanceof Error || at instanceof DOMException; at = 'inner' in at ? at.inner : at.cause) {
    if (names.length > 5) break;
    names.push(at.name);
  }
  return names;
}

/** The failure as a page is told it; what is not the storage's stays what it is. */
export function toStoreError(error: unknown, hasBegun = true): unknown {
  const said = error instanceof Error ? error.message : String(error);
  const fault = storeFaultOf(error, hasBegun);
  if (fault === 'none') return error;
  return fault === 'full'
    ? new UpdraftError(
        'storage-full',
        `The browser has no room left to store this (${said}). Nothing was changed. Free space on this device and try again; what was captured before is kept.`,
      )
    : new UpdraftError(
        'storage',
        `The browser's database cannot be used (${said}). Nothing was changed; what was captured before is kept. Try again; if it stays so, restart the browser.`,
      );
}

/** Whether a page was, or would be, told that the browser's storage is at fault. */
export const isStorageError = (error: unknown): boolean =>
  error instanceof UpdraftError && (error.kind === 'storage' || error.kind === 'storage-full' || error.kind === 'storage-blocked');

export const blockedError = (): UpdraftError =>
  new UpdraftError(
    'storage-blocked',
    'Another tab holds an older version of the database open, and does not let go. Nothing was changed. Close the other tabs of this app, or reload them, and try again.',
  );

export const newerError = (): UpdraftError =>
  new UpdraftError(
    'reload-needed',
    'A newer version of this app has written the database on this device. Nothing was changed; what was captured is kept. Reload the page, so that the newer version runs again.',
  );
