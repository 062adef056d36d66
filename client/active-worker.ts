import { UpdraftError } from '../shared/errors.ts';
import type { ConnectOptions } from './connect-options.ts';

const ACTIVATION_TIMEOUT_MS = 20_000;

/** The registration with an active worker. It need not control this page: after a shift-reload none does, and messages still reach it. */
export async function activeWorker(options: ConnectOptions): Promise<ServiceWorkerRegistration> {
  if (!('serviceWorker' in navigator) || typeof BroadcastChannel === 'undefined') {
    throw new UpdraftError(
      'unsupported',
      'This browser gives the page no service worker. Updraft needs a secure context (https or localhost) and a browser from 2022 or newer.',
    );
  }
  const registration = 'registration' in options ? options.registration : await register(options.worker);
  if (!registration.active) await activation(registration);
  return registration;
}

async function register(script: string): Promise<ServiceWorkerRegistration> {
  try {
    return await navigator.serviceWorker.register(script);
  } catch (error) {
    // Offline the script cannot be checked for updates, but an installed worker still serves.
    const installed = await navigator.serviceWorker.getRegistration(script);
    if (installed) return installed;
    throw new UpdraftError(
      'no-service-worker',
      `The service worker "${script}" could not be registered: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function activation(registration: ServiceWorkerRegistration): Promise<void> {
  const worker = registration.installing ?? registration.waiting;
  return new Promise((resolve, reject) => {
    const fail = (): void =>
      reject(new UpdraftError('no-service-worker', 'The service worker did not become active. Look at its errors in the browser, then reload.'));
    const timer = setTimeout(fail, ACTIVATION_TIMEOUT_MS);
    const check = (): void => {
      if (registration.active) {
        clearTimeout(timer);
        resolve();
      } else if (!worker || worker.state === 'redundant') fail();
    };
    worker?.addEventListener('statechange', check);
    check();
  });
}
