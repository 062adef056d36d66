// Made by updraft-types from collections.json. Change that file, not this one.
import type { Indexed } from 'airflow-updraft/client';

/**
 * Entries that people capture, with or without a network.
 */
export interface Entry {
  id: string;
  site: string;
  status: 'ok' | 'watch' | 'fail';
  note?: string;
}

/** Every collection's record and indexes, by the collection's name. */
export interface Collections {
  __COLLECTION_KEY__: Indexed<Entry, 'site' | 'status'>;
}
