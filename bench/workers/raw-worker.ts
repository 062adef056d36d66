import { openRawStore, type RawStore } from '../capture/raw-store.ts';

declare const self: ServiceWorkerGlobalScope;

/** The least that a worker can do for a capture: a strict put, then the reply. */
const stores = new Map<string, Promise<RawStore>>();

self.addEventListener('message', (event) => {
  const { name, documents } = event.data as { name: string; documents: readonly unknown[] };
  const store = stores.get(name) ?? openRawStore(name);
  stores.set(name, store);
  const answer = async (): Promise<void> => {
    const { put, count } = await store;
    if (documents.length > 0) await put(documents);
    event.ports[0]?.postMessage({ ok: documents.length > 0 ? documents.length : await count() });
  };
  event.waitUntil(answer().catch((error) => event.ports[0]?.postMessage({ error: String(error) })));
});
