import { UpdraftError } from '../shared/errors.ts';
import type { LastWords } from '../shared/messages.ts';
import type { ConnectOptions } from './connect-options.ts';

const PATIENCE_MS = 20_000;

/**
 * Returns the registration that has an active worker. The worker need not control this page: after
 * a shift-reload none does, and messages still reach the worker. A worker still installing after 20
 * s is returned too, because such a worker serves messages: WebKit never ends an installation whose
 * page left early.
 */
export async function activeWorker(options: ConnectOptions): Promise<ServiceWorkerRegistration> {
  // On a server, as in Node, there may be no navigator at all.
  if (!globalThis.navigator?.serviceWorker || typeof BroadcastChannel === 'undefined') {
    throw new UpdraftError(
      'unsupported',
      'Updraft needs a service worker: https or localhost, and a browser from 2023 or newer.',
    );
  }
  const {
    registration: given,
    worker,
    type = 'classic',
  } = Object(options) as {
    readonly registration?: ServiceWorkerRegistration;
    readonly worker?: string;
    readonly type?: WorkerType;
  };
  if (given ? !('active' in Object(given)) : !worker)
    throw new UpdraftError(
      'bad-option',
      'connect() needs "worker", the URL of a script that calls startUpdraft(), or ' +
        'its "registration", awaited.',
    );
  const registration = given ?? (await register(worker as string, type));
  if (!registration.active) await activation(registration);
  return registration;
}

async function register(script: string, type: WorkerType): Promise<ServiceWorkerRegistration> {
  const { serviceWorker } = navigator;
  const found = await serviceWorker.getRegistration(script);
  const { url } = new Request(script);
  // Registering a script again changes nothing, and would wait behind an installation that never
  // ends.
  if (found && ((found.installing ?? found.waiting ?? found.active)?.scriptURL ?? url) === url)
    return found;
  try {
    return await serviceWorker.register(script, { type });
  } catch (error) {
    // Offline the browser cannot check the script for updates, but an installed worker still
    // serves. Only this app's registration counts, not that of an app around it.
    if (found?.scope === new URL('.', url).href) return found;
    throw new UpdraftError(
      'no-service-worker',
      `The service worker "${script}" could not be registered: ${String(error)}`,
    );
  }
}

function activation(registration: ServiceWorkerRegistration): Promise<void> {
  const worker = registration.installing ?? registration.waiting;
  return new Promise((resolve, reject) => {
    let why = new UpdraftError(
      'no-service-worker',
      'The service worker did not become active. Look at its errors, then reload.',
    );
    // A worker that cannot be installed sends the reason before the installation ends.
    navigator.serviceWorker.addEventListener(
      'message',
      ({ data }: MessageEvent<LastWords | undefined>) => {
        if (data?.updraftFailed)
          why = new UpdraftError(data.updraftFailed.kind, data.updraftFailed.message);
      },
    );
    navigator.serviceWorker.startMessages();
    const check = (late?: unknown): void => {
      if (registration.active ?? (late === true && registration.installing)) resolve();
      else if (late === true || worker?.state === 'redundant') reject(why);
    };
    setTimeout(check, PATIENCE_MS, true);
    worker?.addEventListener('statechange', check);
    // A registration without a worker gets a worker once the script is evaluated.
    void navigator.serviceWorker.ready.then(check);
  });
}
