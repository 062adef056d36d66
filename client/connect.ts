import { UpdraftError } from '../shared/errors.ts';
import { activeWorker } from './active-worker.ts';
import type { ConnectOptions } from './connect-options.ts';
import { createClient, type Updraft } from './create-client.ts';
import { PageEvents } from './events.ts';
import { createHandlers } from './handlers.ts';
import { onlyOptions } from './only-options.ts';
import { createSettling } from './settling.ts';
import { createSigningIn } from './signing-in.ts';
import { createWorkerLink } from './worker-link.ts';

type KeyOf<Option> = Option extends unknown ? keyof Option : never;
/** Every option of `connect`; a missing one does not compile. */
const OPTIONS: Readonly<Record<KeyOf<ConnectOptions>, true>> = {
  worker: true,
  type: true,
  registration: true,
  user: true,
  since: true,
};

/**
 * Connects this page to the worker. Rejects with `unsupported` or `no-service-worker`. Works signed
 * out and offline.
 */
export async function connect<
  C extends Record<keyof C, { id: string }> = Record<string, { id: string }>,
>(options: ConnectOptions): Promise<Updraft<C>> {
  onlyOptions('connect', options, ...Object.keys(OPTIONS));
  if (typeof (options?.since ?? '') !== 'string')
    throw new UpdraftError(
      'bad-option',
      'connect() takes for "since" the text that cursor() gave, or null. Nothing was done.',
    );
  const registration = await activeWorker(options);
  const link = createWorkerLink(() => registration.active ?? registration.installing, options.user);
  const settling = createSettling();
  const signingIn = createSigningIn(link);
  const handlers = createHandlers();
  const events = new PageEvents(link, settling, handlers, {
    ...options,
    app: registration.scope,
    onTokenMissing: signingIn.renew,
    headers: signingIn.headers,
  });
  handlers.on('signed-out', signingIn.forget);
  await events.start();
  // Requested by the page, since a worker may not; the status tells the outcome.
  void navigator.storage?.persist?.();
  return createClient({ link, settling, signingIn, handlers, events });
}
