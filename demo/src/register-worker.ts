import { Workbox } from 'workbox-window';

const SCRIPT = '/sw.js';

export interface RegisteredWorker {
  readonly registration: ServiceWorkerRegistration;
  /**
   * Calls when a new version of the app is ready; the argument activates the version and reloads.
   */
  readonly onUpdate: (tell: (apply: () => void) => void) => void;
}

/** Registers the app's worker. Rejects if the browser has no service workers. */
export async function registerWorker(): Promise<RegisteredWorker> {
  if (!('serviceWorker' in navigator))
    throw new Error(
      'This browser gives the page no service worker. Open it over https or on ' +
        'localhost, outside a private window.',
    );
  const workbox = new Workbox(SCRIPT);
  let tellUpdate: ((apply: () => void) => void) | undefined;
  let isWaiting = false;
  const apply = (): void => {
    // Another tab may have switched already; a reload is then sufficient.
    workbox.addEventListener('controlling', () => location.reload());
    workbox.messageSkipWaiting();
  };
  workbox.addEventListener('waiting', () => {
    isWaiting = true;
    tellUpdate?.(apply);
  });
  const found = await navigator.serviceWorker.getRegistration(SCRIPT);
  const registering = workbox.register({ immediate: true });
  registering.catch(() => undefined); // awaited below if needed
  // A page that left while the first worker was being installed can keep `register` waiting for
  // ever (WebKit); the registration it left behind serves.
  const registration = found ?? (await registering);
  if (!registration)
    throw new Error(
      'The service worker could not be registered. Look at its errors in the browser, then reload.',
    );
  return {
    registration,
    onUpdate(tell) {
      tellUpdate = tell;
      if (isWaiting) tell(apply);
    },
  };
}
