import { Validator } from '@cfworker/json-schema';
import {
  isPrivate,
  readCollections,
  type CollectionDeclaration,
  type Declarations,
} from '../../shared/collections.ts';
import { own } from '../../shared/json.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { Rules } from './merge.ts';
import { problem } from './mutation.ts';

/** Whoever writes or reads; Airflow may write every collection. */
export interface Author {
  readonly user: string | null;
  readonly transport: TransportName;
  readonly isAirflow?: true;
}

/** Collections as declared, with the rules by which they judge. */
export class Declared {
  readonly declarations: Declarations;
  readonly #validators = new Map<string, Validator>();

  constructor(file: unknown) {
    this.declarations = readCollections(file);
  }

  get(collection: string): CollectionDeclaration | undefined {
    return own(this.declarations, collection);
  }

  /** Names in `holds` that an answer by this transport says nothing of. */
  undeclared(holds: readonly string[], transport: TransportName): string[] {
    return holds.filter((name) => !this.travels(name, transport));
  }

  travels(collection: string, transport: TransportName): boolean {
    const declared = this.get(collection);
    return declared !== undefined && !(transport === 'dag' && isPrivate(declared));
  }

  mayRead(collection: string, owner: string | null, { user, transport }: Author): boolean {
    const declared = this.get(collection);
    // Owners see their records under any former or later rule of the collection.
    if (!declared) return transport !== 'dag' && owner !== null && owner === user;
    if (!this.travels(collection, transport)) return false;
    return declared.read === 'all' || (declared.read === 'own' && owner === user);
  }

  rulesOf(collection: string, { onConflict, schema }: CollectionDeclaration): Rules {
    const validator = this.#validators.get(collection) ?? new Validator(schema, '2020-12', true);
    this.#validators.set(collection, validator);
    const whyUnfit: Rules['whyUnfit'] = (record) => {
      const { valid, errors } = validator.validate(record);
      // An unknown field is told at its record, as the provider does.
      const error = errors.findLast(({ keyword }) => keyword !== 'false');
      return valid
        ? undefined
        : problem('schema', error?.error ?? 'it does not fit', error?.instanceLocation.slice(1));
    };
    return { policy: onConflict, whyUnfit };
  }
}
