import type { CaptureDocument } from './documents.ts';
import { installCaptureBench } from './page.ts';
import { openRawStore } from './raw-store.ts';
import { askWorker, workerOf, type CaptureStore, type PrepareStore } from './store.ts';

const WORKER = '/updraft-sw.js?airflow=/airflow&collections=/collections.json';

/**
 * Client and worker as shipped, each served as a file. Nobody is signed in; each store is the
 * replica of a separate user, so that no work slows down the next.
 */
const updraft: PrepareStore = async () => {
  const { connect } = (await import(
    /* @vite-ignore */ new URL('/client.js', location.href).href
  )) as typeof import('../../client/index.ts');
  // Also waits for the declarations, which the worker needs before the network goes.
  await connect({ worker: WORKER, user: 'nobody' });
  return async (user) => {
    const client = await connect<{ inspections: CaptureDocument }>({ worker: WORKER, user });
    const inspections = client.collection('inspections');
    const { putMany } = inspections as Pick<CaptureStore, 'putMany'>;
    return {
      put: inspections.put,
      // Without a bulk call in the client, the nearest equal: all puts at once.
      putMany: putMany ?? ((documents) => Promise.all(documents.map((d) => inspections.put(d)))),
      count: async () => (await client.status()).unsent,
    };
  };
};

const rawPage: PrepareStore = () =>
  Promise.resolve(async (name) => {
    const { put, count } = await openRawStore(name);
    return { put: (document) => put([document]), putMany: put, count };
  });

const rawWorker: PrepareStore = async () => {
  const worker = await workerOf('/raw-worker.js');
  return (name) =>
    Promise.resolve({
      put: (document) => askWorker(worker, { name, documents: [document] }),
      putMany: (documents) => askWorker(worker, { name, documents }),
      count: () => askWorker(worker, { name, documents: [] }),
    });
};

installCaptureBench({ updraft, raw_page: rawPage, raw_worker: rawWorker });
