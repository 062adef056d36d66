import type { EditParts, PartName } from '../../shared/edit.ts';
import type { Doc, Json } from '../../shared/json.ts';
import type { Mutation } from '../../shared/mutation.ts';

/** The change of a record that stays, or comes to be. */
export interface Edit extends EditParts {
  readonly kind: 'edit';
}

/** A document while an edit is applied. */
export type Fields = Readonly<Record<string, Json>>;

/** The parts of an edit, none left out. */
export type Parts = Required<EditParts>;

/** An edit while a later edit is added, part by part. */
export type Growing = { -readonly [Part in PartName]: Parts[Part] };

/** The record's algebra for a part of an edit. All functions but `join` are pure. */
export interface EditPart<Part extends PartName> {
  /** The part of an edit that does nothing. */
  readonly empty: Parts[Part];
  /** Whether an edit with nothing in the part lacks the part, as rows of older versions do. */
  readonly isOptional?: true;
  /** The fields that the part touches. */
  readonly fields: (part: Parts[Part]) => readonly string[];
  /** The part without these fields. */
  readonly without: (part: Parts[Part], fields: readonly string[]) => Parts[Part];
  /** The part that makes `after` of `before`; absent if no difference is told by this part. */
  readonly diff?: (before: Doc | null, after: Doc) => Parts[Part];
  /** The document with the part applied. */
  readonly apply: (doc: Fields, part: Parts[Part], id: string) => Fields;
  /** The fields to which the part cannot be applied, because no record could hold the result. */
  readonly unfit: (part: Parts[Part], doc: Doc | null) => string[];
  /** The fields of a record that is created, with those that the part creates. */
  readonly create: (doc: Fields, part: Parts[Part]) => Fields;
  /** Whether the part only takes fields away: a create cannot say so, and no record grows by it. */
  readonly takesAway: boolean;
  /** Whether the document already is as the part would make the field. */
  readonly isDone: (part: Parts[Part], field: string, doc: Doc) => boolean;
  readonly compose: {
    /** The part of an earlier edit that a later edit leaves. */
    readonly under: (earlier: Parts[Part], later: Parts) => Parts[Part];
    /** Adds the part of the later edit. All parts of `edit` hold by then what `under` has left. */
    readonly join: (edit: Growing, later: Parts[Part]) => void;
  };
  /**
   * Rule for a field that the other side has changed too. `decides`: the part gives the field a
   * value (`undefined`: none), which is a conflict. `merges`: both changes hold.
   */
  readonly rebase:
    | {
        readonly kind: 'decides';
        readonly value: (part: Parts[Part], field: string) => Json | undefined;
      }
    | { readonly kind: 'merges' };
  /** The part as a mutation carries it under the same name; `undefined`: left out. */
  readonly wire: (part: Parts[Part]) => Mutation[Part];
}
