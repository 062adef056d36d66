const TAG = 'updraft';
/** The browser lengthens this interval at will: Chromium to half a day at least. */
const INTERVAL_MS = 3_600_000;

/**
 * Asks the browser to wake the worker now and then (W3C Periodic Background Sync, a draft).
 * Resolves to whether the browser will. Only an installed app in some browsers may; elsewhere the
 * request ends with an error, which is ignored.
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
  readonly periodicSync: {
    readonly register: (tag: string, options: { readonly minInterval: number }) => Promise<void>;
  };
}

const hasPeriodicSync = (registration: object): registration is WithPeriodicSync =>
  'periodicSync' in registration;
