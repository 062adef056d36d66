import PouchDB from 'pouchdb-browser';
import type { CaptureDocument } from '../capture/documents.ts';
import type { PrepareStore } from '../capture/store.ts';

const named = ({ id, ...fields }: CaptureDocument): object => ({ _id: id, ...fields });

export const pouchdb: PrepareStore = () =>
  Promise.resolve((name) => {
    const database = new PouchDB(name);
    return Promise.resolve({
      put: (document) => database.put(named(document)),
      putMany: async (many) => {
        const results = await database.bulkDocs(many.map(named));
        const refused = results.filter(({ ok }) => ok !== true).length;
        if (refused > 0) throw new Error(`PouchDB refused ${refused} documents.`);
      },
      count: async () => (await database.info()).doc_count,
    });
  });
