import type { NoticeKind, Surface } from './notices.ts';

/** How an app wants to be noticed. */
export interface SurfaceOptions {
  /** The page that a tap opens where none is open; the worker's scope by default. */
  readonly url?: string;
  readonly icon?: string;
}

/** Notifications and badge of a service worker. The permission is the app's to ask for, in a page. */
export function createBrowserSurface(scope: ServiceWorkerGlobalScope, { url = scope.registration.scope, icon }: SurfaceOptions): Surface {
  scope.addEventListener('notificationclick', (event) => {
    if (!isOurs(event.notification)) return;
    event.notification.close();
    event.waitUntil(openApp(scope, url));
  });
  return {
    isSeen: async () => (await windows(scope)).some(({ visibilityState }) => visibilityState === 'visible'),
    async show(kind, text) {
      if (Notification.permission !== 'granted') return;
      await scope.registration.showNotification(text.title, {
        tag: tagOf(kind),
        data: { updraft: kind },
        ...(text.body === undefined ? {} : { body: text.body }),
        ...(icon === undefined ? {} : { icon }),
      });
    },
    async badge(count) {
      if ('setAppBadge' in scope.navigator) await scope.navigator.setAppBadge(count);
    },
  };
}

const tagOf = (kind: NoticeKind): string => `updraft:${kind}`;
const isOurs = ({ tag }: Notification): boolean => tag.startsWith('updraft:');
const windows = (scope: ServiceWorkerGlobalScope): Promise<readonly WindowClient[]> => scope.clients.matchAll({ type: 'window', includeUncontrolled: true });

async function openApp(scope: ServiceWorkerGlobalScope, url: string): Promise<void> {
  const [open] = await windows(scope);
  if (open) await open.focus();
  else await scope.clients.openWindow(url);
}
