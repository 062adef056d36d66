import type { CaptureDocument } from './documents.ts';

/** An opened store that the bench captures into. */
export interface CaptureStore {
  /** Resolves when the document is stored. */
  readonly put: (document: CaptureDocument) => Promise<unknown>;
  /** Stores all documents by a single call. Absent in a library without such a call. */
  readonly putMany?: (documents: readonly CaptureDocument[]) => Promise<unknown>;
  /** Returns the number of stored documents, by which the bench checks the work. */
  readonly count: () => Promise<number>;
}

/** Opens the store of this name, made when there is none. */
export type OpenStore = (name: string) => Promise<CaptureStore>;

/** Fetches all code that a store needs, and starts its worker, while there is still a network. */
export type PrepareStore = () => Promise<OpenStore>;

/** Resolves with the active service worker of this script. */
export async function workerOf(script: string): Promise<ServiceWorker> {
  await navigator.serviceWorker.register(script);
  const { active } = await navigator.serviceWorker.ready;
  if (!active) throw new Error(`${script} is not active.`);
  return active;
}

/** Sends a message to the worker and resolves with its reply. A reply without `ok` rejects. */
export function askWorker(worker: ServiceWorker, message: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }: MessageEvent<{ ok?: number; error?: string }>) => {
      port1.close();
      if (data.ok === undefined) reject(new Error(data.error));
      else resolve(data.ok);
    };
    worker.postMessage(message, [port2]);
  });
}
