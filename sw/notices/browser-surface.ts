import { defined } from '../../shared/defined.ts';
import type { NoticeKind, Surface } from './notices.ts';

/** An app's options for notices. */
export interface SurfaceOptions {
  /** The page that a tap opens when none is open; the worker's scope by default. */
  readonly url?: string;
  readonly icon?: string;
}

/** Notifications and badge of a service worker. The app's page asks for the permission. */
export function createBrowserSurface(
  scope: ServiceWorkerGlobalScope,
  airflow: string,
  { url = scope.registration.scope, icon }: SurfaceOptions,
): Surface {
  const windows = (): Promise<readonly WindowClient[]> => windowsOf(scope, airflow);
  scope.addEventListener('notificationclick', (event) => {
    if (!isOurs(event.notification)) return;
    event.notification.close();
    event.waitUntil(openApp(scope, windows, url));
  });
  return {
    isSeen: async () =>
      (await windows()).some(({ visibilityState }) => visibilityState === 'visible'),
    async show(kind, text) {
      if (Notification.permission !== 'granted') return;
      await scope.registration.showNotification(text.title, {
        tag: tagOf(kind),
        data: { updraft: kind },
        ...defined({ body: text.body, icon }),
      });
    },
    async badge(count) {
      if ('setAppBadge' in scope.navigator) await scope.navigator.setAppBadge(count);
    },
  };
}

const tagOf = (kind: NoticeKind): string => `updraft:${kind}`;
const isOurs = ({ tag }: Notification): boolean => tag.startsWith('updraft:');

/**
 * The app's tabs. With the worker at `/` Airflow's own pages are in its scope, too, and are
 * excluded.
 */
async function windowsOf(
  { clients, location, registration: { scope } }: ServiceWorkerGlobalScope,
  airflow: string,
): Promise<readonly WindowClient[]> {
  const theirs = new URL(`${airflow}/`, location.origin).href;
  const areTheirsInScope = theirs.startsWith(scope) && theirs !== scope;
  const all = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  return all.filter(
    ({ url }) =>
      url.startsWith(scope) &&
      !(areTheirsInScope && `${url.replace(/[?#].*/s, '')}/`.startsWith(theirs)),
  );
}

async function openApp(
  scope: ServiceWorkerGlobalScope,
  windows: () => Promise<readonly WindowClient[]>,
  url: string,
): Promise<void> {
  const [open] = await windows();
  if (open) await open.focus();
  else await scope.clients.openWindow(url);
}
