import { clientsClaim } from 'workbox-core';
import { createHandlerBoundToURL, precacheAndRoute, type PrecacheEntry } from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';
import { startUpdraft } from '../../sw/index.ts';
import collections from '../collections.json';
import { simulateOffline } from './simulated-offline.ts';

declare const self: ServiceWorkerGlobalScope & {
  readonly __WB_MANIFEST: (PrecacheEntry | string)[];
};

const AIRFLOW = '/airflow';

// The app itself is precached, so as to load without a network. Airflow's own pages under this
// origin are never answered from the cache.
precacheAndRoute(self.__WB_MANIFEST);
registerRoute(
  new NavigationRoute(createHandlerBoundToURL('index.html'), { denylist: [/^\/airflow(\/|$)/] }),
);

// A new version waits for the person's consent, so as not to replace the app in the middle of a
// capture.
self.addEventListener('message', (event) => {
  const data: unknown = event.data;
  if (typeof data === 'object' && data !== null && 'type' in data && data.type === 'SKIP_WAITING')
    void self.skipWaiting();
});
clientsClaim();

// Called before Updraft starts, which then uses the switchable fetch.
simulateOffline(AIRFLOW);
startUpdraft({
  airflow: AIRFLOW,
  collections,
  calls: {
    triggerDagRun: ['daily_report', 'publish_report'],
    respondToHumanInput: ['publish_report', 'sign_off_report'],
  },
  notifications: true,
});
