import { startUpdraft } from '../../sw/index.ts';
import collections from '../collections.json';

declare const self: ServiceWorkerGlobalScope;

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
startUpdraft({ airflow: '/airflow', collections });
