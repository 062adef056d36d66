import { createRxDatabase } from 'rxdb/plugins/core';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';
import type { PrepareStore } from '../capture/store.ts';

const text = (maxLength: number): object => ({ type: 'string', maxLength });

const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: {
    id: text(100),
    site: text(100),
    inspector: text(100),
    status: text(10),
    reading: { type: 'number' },
    visits: { type: 'integer' },
    inspected_on: text(10),
    title: text(200),
    note: text(2_000),
    measures: text(2_000),
  },
  required: ['id', 'site', 'status'],
};

/** RxDB on its free Dexie storage, production mode, default durability (relaxed). */
export const rxdb: PrepareStore = () =>
  Promise.resolve(async (name) => {
    const database = await createRxDatabase({
      name: name.replace(/\W/g, ''),
      storage: getRxStorageDexie(),
    });
    const { documents } = await database.addCollections({ documents: { schema } });
    if (!documents) throw new Error('RxDB made no collection.');
    return {
      put: (document) => documents.insert(document),
      putMany: async (many) => {
        const { error } = await documents.bulkInsert(many);
        if (error.length > 0) throw new Error(`RxDB refused ${error.length} documents.`);
      },
      count: () => documents.count().exec(),
    };
  });
