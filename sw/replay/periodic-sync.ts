const TAG = 'updraft';
/** The browser makes it longer as it sees fit: Chromium to half a day at least. */
const INTERVAL_MS = 3_600_000;

/**
 * Asks the browser to wake the worker now and then (W3C Periodic Background Sync, a draft). Only an installed app may have that, and only some
 * browsers give it: everything else answers with an error, which is no trouble. Resolves to whether the browser will.
 */
export async function registerPeriodicSync(registration: object): Promise<boolean> {
  if (!hasPeriodicSync(registration)) return false;
  try {
    await registration.periodicSync.register(TAG, { minInterval: INTERVAL_MS });
    return true;
  } catch {
    return false;
  }
}

interface WithPeriodicSync {
  readonly periodicSync: { readonly register: (tag: string, options: { readonly minInterval: number }) => Promise<void> };
}

const hasPeriodicSync = (registration: object): registration is WithPeriodicSync => 'periodicSync' in registration;
