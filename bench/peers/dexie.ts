import { Dexie, type DexieOptions, type Table } from 'dexie';
import type { CaptureDocument } from '../capture/documents.ts';
import type { PrepareStore } from '../capture/store.ts';

const prepare =
  (options: DexieOptions): PrepareStore =>
  () =>
    Promise.resolve(async (name) => {
      const database = new Dexie(name, options);
      database.version(1).stores({ documents: 'id' });
      const documents: Table<CaptureDocument, string> = database.table('documents');
      await database.open();
      return {
        put: (document) => documents.put(document),
        putMany: (many) => documents.bulkPut(many),
        count: () => documents.count(),
      };
    });

/** Durable when the promise resolves, like Updraft. */
export const dexieStrict = prepare({ chromeTransactionDurability: 'strict' });

/** As Dexie comes: a power loss may take the last writes. */
export const dexieRelaxed = prepare({});
