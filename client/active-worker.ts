import { UpdraftError } from '../shared/errors.ts';
import type { ConnectOptions } from './connect-options.ts';

const PATIENCE_MS = 20_000;

/**
 * The registration with an active worker. It need not control this page: after a shift-reload none does, and messages still reach it.
 * A worker still installing after 20 s is taken as it is, for it serves messages: WebKit never ends an installation whose page left early.
 */
export async function activeWorker(options: ConnectOptions): Promise<ServiceWorkerRegistration> {
  if (!('serviceWorker' in navigator) || typeof BroadcastChannel === 'undefined') {
    throw new UpdraftError('unsupported', 'Updraft needs a service worker: https or localhost, and a browser from 2023 or newer.');
  }
  const registration = 'registration' in options ? options.registration : await register(options.worker);
  if (!registration.active) await activation(registration);
  return registration;
}

async function register(script: string): Promise<ServiceWorkerRegistration> {
  const { serviceWorker } = navigator;
  const found = await serviceWorker.getRegistration(script);
  const { url } = new Request(script);
  // To register the same script again changes nothing, and would wait behind an installation that never ends.
  if (found && ((found.installing ?? found.waiting ?? found.active)?.scriptURL ?? url) === url) return found;
  try {
    return await serviceWorker.register(script);
  } catch (error) {
    // Offline the script cannot be checked for updates, but an installed worker still serves.
    if (found) return found;
    throw new UpdraftError('no-service-worker', `The service worker "${script}" could not be registered: ${String(error)}`);
  }
}

function activation(registration: ServiceWorkerRegistration): Promise<void> {
  const worker = registration.installing ?? registration.waiting;
  return new Promise((resolve, reject) => {
    const check = (late?: unknown): void => {
      if (registration.active ?? (late === true && registration.installing)) resolve();
      else if (late === true || worker?.state === 'redundant')
        reject(new UpdraftError('no-service-worker', 'The service worker did not become active. Look at its errors, then reload.'));
    };
    setTimeout(check, PATIENCE_MS, true);
    worker?.addEventListener('statechange', check);
    // A registration that has no worker yet gets one once its script is evaluated.
    void navigator.serviceWorker.ready.then(check);
  });
}
