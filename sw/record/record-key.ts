/** Names a record of any collection. */
export interface RecordName {
  readonly collection: string;
  readonly id: string;
}

/**
 * Returns the record's key in maps and sets. No collection's name holds a line break, so each
 * record has a key of its own.
 */
export const recordKey = ({ collection, id }: RecordName): string => `${collection}\n${id}`;
