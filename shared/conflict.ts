import type { Doc, Json } from './json.ts';

/** Why a record carries a conflict mark. */
export type ConflictReason =
  | 'edited' // both sides changed the same fields
  | 'deleted-there' // edited here, deleted there
  | 'deleted-here' // deleted here, edited there
  | 'forked' // a copy of this device's storage may have sent the change
  | 'invalid-merge'; // the merged record would break the schema

/**
 * Both sides changed a field since the base. `undefined` in a field means: absent. `null` records:
 * deleted or absent.
 */
export interface Conflict {
  readonly id: string;
  readonly collection: string;
  readonly recordId: string;
  readonly reason: ConflictReason;
  /** Fields that both sides changed, or `'*'`: the record as a whole. */
  readonly fields:
    | '*'
    | readonly {
        readonly field: string;
        readonly base: Json | undefined;
        readonly mine: Json | undefined;
        readonly theirs: Json | undefined;
      }[];
  readonly base: Doc | null;
  readonly mine: Doc | null;
  readonly theirs: Doc | null;
  /**
   * Revision to name when resolving: a conflict that has moved since being shown is not resolved.
   */
  readonly theirsRevision: number;
}

/** A person's decision for a single field, or with the key `'*'` for the record as a whole. */
export type Choice = { readonly take: 'mine' | 'theirs' } | { readonly value: Json };
export type Resolution = { readonly [field: string]: Choice };
