/** The part of these packages that the bench uses; the packages are installed for each run. */
declare module 'rxdb/plugins/core' {
  interface Collection {
    insert: (document: object) => Promise<unknown>;
    bulkInsert: (documents: readonly object[]) => Promise<{ error: unknown[] }>;
    count: () => { exec: () => Promise<number> };
  }
  interface Database {
    addCollections: (
      collections: Record<string, { schema: object }>,
    ) => Promise<Record<string, Collection>>;
  }
  export function createRxDatabase(options: { name: string; storage: object }): Promise<Database>;
}

declare module 'rxdb/plugins/storage-dexie' {
  export function getRxStorageDexie(): object;
}

declare module 'pouchdb-browser' {
  export default class PouchDB {
    constructor(name: string);
    put(document: object): Promise<unknown>;
    bulkDocs(documents: readonly object[]): Promise<{ ok?: boolean }[]>;
    info(): Promise<{ doc_count: number }>;
  }
}
