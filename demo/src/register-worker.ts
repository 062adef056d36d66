import { Workbox } from 'workbox-window';

const SCRIPT = '/sw.js';

export interface RegisteredWorker {
  readonly registration: ServiceWorkerRegistration;
  /** Calls when a new version of the app is ready; the argument switches to it and reloads. */
  readonly onUpdate: (tell: (apply: () => void) => void) => void;
}

/** Registers the app's worker. Rejects where the browser has none. */
export async function registerWorker(): Promise<RegisteredWorker> {
  if (!('serviceWorker' in navigator))
    throw new Error('This browser gives the page no service worker. Open it over https or on localhost, outside a private window.');
  const workbox = new Workbox(SCRIPT);
  let tellUpdate: ((apply: () => void) => void) | undefined;
  let isWaiting = false;
  const apply = (): void => {
    // Another tab may have switched already; then a reload is all that is needed.
    workbox.addEventListener('controlling', () => location.reload());
    workbox.messageSkipWaiting();
  };
  workbox.addEventListener('waiting', () => {
    isWaiting = true;
    tellUpdate?.(apply);
  });
  const found = await navigator.serviceWorker.getRegistration(SCRIPT);
  const registering = workbox.register({ immediate: true });
  registering.catch(() => undefined); // awaited below where it is needed
  // A page that left while the first worker was being installed can keep `register` waiting for ever (WebKit); what it left serves.
  const registration = found ?? (await registering);
  if (!registration) throw new Error('The service worker could not be registered. Look at its errors in the browser, then reload.');
  return {
    registration,
    onUpdate(tell) {
      tellUpdate = tell;
      if (isWaiting) tell(apply);
    },
  };
}
