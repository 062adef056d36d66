import { askWorker, workerOf, type PrepareStore } from '../capture/store.ts';

/** The raw queue: a request per document, no bulk call. */
export const workbox: PrepareStore = async () => {
  const worker = await workerOf('/workbox.js');
  return (name) =>
    Promise.resolve({
      put: (document) => askWorker(worker, { name, document }),
      count: () => askWorker(worker, { name }),
    });
};
