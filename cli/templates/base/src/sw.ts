/// <reference lib="webworker" />
import { startUpdraft } from 'airflow-updraft/sw';
import { createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';
import collections from './collections.json';
import { AIRFLOW } from './settings.ts';

declare const self: ServiceWorkerGlobalScope & {
  __WB_MANIFEST: { url: string; revision: string | null }[];
};

// The app opens without a network, at any address but Airflow's own pages. The development server
// precaches nothing.
const files = self.__WB_MANIFEST;
precacheAndRoute(files);
if (files.length > 0) {
  const app = createHandlerBoundToURL('index.html');
  registerRoute(new NavigationRoute(app, { denylist: [new RegExp(`^${AIRFLOW}(/|$)`)] }));
}

// A person has pressed “Use it now” (new-version.ts).
self.addEventListener('message', ({ data }) => {
  if (Object(data).type === 'SKIP_WAITING') void self.skipWaiting();
});

startUpdraft({ airflow: AIRFLOW, collections });
