// Made by updraft-types from collections.json. Change that file, not this one.

/**
 * Entries that people capture, with or without a network.
 */
export interface Entry {
  id: string;
  site: string;
  status: 'ok' | 'watch' | 'fail';
  note?: string;
}

/** Every collection's record, by the collection's name. */
export interface Collections {
  __COLLECTION_KEY__: Entry;
}
