import { isPrivate, type Declarations } from '../../shared/collections.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import type { Replica } from '../state/replica.ts';
import type { World } from '../world.ts';

/** Returns the names of the collections whose changes reach this replica. */
export function holdingOf({ declarations, transport }: World): string {
  const names = Object.entries(declarations).flatMap(([name, declaration]) =>
    transport.carriesPrivate || !isPrivate(declaration) ? [name] : [],
  );
  return names.sort().join(',');
}

/** Returns a short name of declarations. */
export function declaredAs(declarations: Declarations): string {
  const text = JSON.stringify(declarations);
  // FNV-1a, 32 bits, and the length. Web Crypto would make opening a replica wait for another
  // thread.
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return `${(hash >>> 0).toString(16)}-${text.length}`;
}

/**
 * Returns the replica under declarations. A replica with a new collection re-reads everything,
 * because all collections share one checkpoint.
 */
export function underDeclarations(replica: Replica, world: World, declared: string): Replica {
  const holding = holdingOf(world);
  return replica.holding === holding
    ? { ...replica, declared }
    : { ...replica, declared, holding, since: 0, floor: 0, ready: false };
}

/**
 * Tells that the declarations changed, unless the replica does not know the earlier declarations.
 */
export function declarationEvents(
  before: Replica,
  after: Replica,
  declarations: Declarations,
): UpdraftEvent[] {
  if (before.declared === undefined || before.declared === after.declared) return [];
  return [{ type: 'declarations', collections: Object.keys(declarations) }];
}
