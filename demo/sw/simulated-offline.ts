import { isNetworkQuestion, NETWORK_CHANNEL, type NetworkAnswer } from '../simulated-network.ts';

declare const self: ServiceWorkerGlobalScope;

const CACHE = 'demo-network';
const KEY = '/demo-network';

/**
 * Takes the worker's network away while the guide's switch is on, so that everything after is
 * Updraft's own doing: a request to Airflow fails as without a network, and the worker believes to
 * be offline. The switch is on disk, because a worker is stopped and started at any time.
 */
export function simulateOffline(airflow: string): void {
  let offline = false;
  const known = readSwitch().then((kept) => void (offline = kept));
  const realFetch = self.fetch.bind(self);

  self.fetch = async (input, init) => {
    await known;
    const { pathname } = new URL(input instanceof Request ? input.url : input, self.location.href);
    if (offline && (pathname === airflow || pathname.startsWith(`${airflow}/`)))
      throw new TypeError('Failed to fetch (the demo simulates that there is no network)');
    return realFetch(input, init);
  };
  const browsers = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(self.navigator), 'onLine');
  Object.defineProperty(self.navigator, 'onLine', {
    configurable: true,
    get: () => !offline && Boolean(browsers?.get?.call(self.navigator)),
  });

  // Offline, a browser would hold the sync event back; this browser has a network, and fires.
  self.addEventListener('sync', (event) => {
    if (offline) event.stopImmediatePropagation();
  });

  const answer = (): NetworkAnswer => ({ demo: 'network', offline });
  const channel = new BroadcastChannel(NETWORK_CHANNEL);
  self.addEventListener('message', (event) => {
    const question: unknown = event.data;
    if (!isNetworkQuestion(question)) return;
    const [port] = event.ports;
    event.waitUntil(
      (async () => {
        await known;
        if (question.offline !== undefined && question.offline !== offline) {
          offline = question.offline;
          await keepSwitch(offline);
          channel.postMessage(answer());
        }
        port?.postMessage(answer());
      })(),
    );
  });
}

const readSwitch = async (): Promise<boolean> =>
  (await (await caches.open(CACHE)).match(KEY)) !== undefined;

async function keepSwitch(offline: boolean): Promise<void> {
  const cache = await caches.open(CACHE);
  if (offline) await cache.put(KEY, new Response('offline'));
  else await cache.delete(KEY);
}
