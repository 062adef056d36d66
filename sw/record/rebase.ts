import type { Policy } from '../../shared/collections.ts';
import { jsonEquals, own, type Doc } from '../../shared/json.ts';
import {
  dropEqual,
  fieldsDecided,
  netFields,
  valueDecided,
  without,
  type Edit,
  type Net,
} from './net.ts';

/**
 * The rest of a pending change on a new base. `conflicts`: fields that both sides changed, under
 * the policy `ask`.
 */
export interface Rebased {
  readonly net: Net | undefined;
  readonly conflicts: '*' | readonly string[];
  /** Fields given up under the policy `server-wins`. */
  readonly dropped: readonly string[];
}

const kept = (net: Net | undefined): Rebased => ({ net, conflicts: [], dropped: [] });

/**
 * Moves a pending change from the OLD base to a new base, three-way per field. Comparing revisions
 * only at sealing would silently overwrite the server's newer value. An edit of a deleted record
 * stays an edit: as a create the edit would undo itself once the other side restores the record.
 */
export function rebase(
  net: Net,
  oldBase: Doc | null,
  newBase: Doc | null,
  policy: Policy,
): Rebased {
  if (jsonEquals(oldBase, newBase)) return kept(dropEqual(net, newBase));
  if (net.kind === 'delete') return newBase === null ? kept(undefined) : whole(net, policy);
  if (newBase === null) return whole(net, policy);
  return perField(net, oldBase, newBase, policy);
}

/** Delete against edit, either way round: the record as a whole is in conflict. */
function whole(net: Net, policy: Policy): Rebased {
  if (policy === 'server-wins') return { net: undefined, conflicts: [], dropped: netFields(net) };
  return { net, conflicts: policy === 'ask' ? '*' : [], dropped: [] };
}

function perField(net: Edit, oldBase: Doc | null, newBase: Doc, policy: Policy): Rebased {
  const changedByBoth = fieldsDecided(net).filter((field) => {
    const mine = valueDecided(net, field);
    return (
      !jsonEquals(mine, own(newBase, field)) &&
      !jsonEquals(own(oldBase, field), own(newBase, field))
    );
  });
  const rest = dropEqual(net, newBase);
  if (!rest || changedByBoth.length === 0 || policy === 'client-wins') return kept(rest);
  if (policy === 'ask') return { net: rest, conflicts: changedByBoth, dropped: [] };
  return { net: without(rest, changedByBoth), conflicts: [], dropped: changedByBoth };
}
