import { clientsClaim } from 'workbox-core';
import { createHandlerBoundToURL, precacheAndRoute, type PrecacheEntry } from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';
import { startUpdraft } from '../../sw/index.ts';
import collections from '../collections.json';
import { simulateOffline } from './simulated-offline.ts';

declare const self: ServiceWorkerGlobalScope & { readonly __WB_MANIFEST: (PrecacheEntry | string)[] };

const AIRFLOW = '/airflow';

// The app itself: precached, so that it loads without a network. Airflow's own pages under the same origin are never answered from here.
precacheAndRoute(self.__WB_MANIFEST);
registerRoute(new NavigationRoute(createHandlerBoundToURL('index.html'), { denylist: [/^\/airflow(\/|$)/] }));

// A new version waits until the person says so: it would otherwise replace the app in the middle of a capture.
self.addEventListener('message', (event) => {
  const data: unknown = event.data;
  if (typeof data === 'object' && data !== null && 'type' in data && data.type === 'SKIP_WAITING') void self.skipWaiting();
});
clientsClaim();

// Before Updraft starts: it then uses the switchable fetch.
simulateOffline(AIRFLOW);
startUpdraft({
  airflow: AIRFLOW,
  collections,
  calls: { triggerDagRun: ['daily_report', 'publish_report'], respondToHumanInput: ['publish_report'] },
  notifications: true,
});
