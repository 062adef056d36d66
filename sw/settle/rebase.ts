import type { Policy } from '../../shared/collections.ts';
import { jsonEquals, own, type Doc } from '../../shared/json.ts';
import { applyNet, diff, dropEqual, netFields, without, type Edit, type Net } from '../outbox/net.ts';

/** What is left of a pending change on a new base. `conflicts`: changed by both sides, the policy is to ask. */
export interface Rebased {
  readonly net: Net | undefined;
  readonly conflicts: '*' | readonly string[];
  /** Given up because the policy is `server-wins`. */
  readonly dropped: readonly string[];
}

const kept = (net: Net | undefined): Rebased => ({ net, conflicts: [], dropped: [] });

/**
 * Moves a pending change from the OLD base to a new one, three-way per field. Comparing revisions at sealing alone
 * would overwrite the server's newer value silently.
 */
export function rebase(net: Net, oldBase: Doc | null, newBase: Doc | null, policy: Policy): Rebased {
  if (jsonEquals(oldBase, newBase)) return kept(dropEqual(net, newBase));
  if (net.kind === 'delete') return newBase === null ? kept(undefined) : whole(net, policy);
  if (newBase === null) return whole(fullEdit(net, oldBase), policy);
  return perField(net, oldBase, newBase, policy);
}

/** Delete against edit, either way round: the record as a whole is in question. */
function whole(net: Net, policy: Policy): Rebased {
  if (policy === 'server-wins') return { net: undefined, conflicts: [], dropped: netFields(net) };
  return { net, conflicts: policy === 'ask' ? '*' : [], dropped: [] };
}

/** An edit of a record that is gone can only become a create with everything its author saw: never a partial record. */
function fullEdit(net: Edit, oldBase: Doc | null): Edit {
  const full = applyNet(oldBase, net, '');
  return full === null ? net : diff(null, full);
}

function perField(net: Edit, oldBase: Doc | null, newBase: Doc, policy: Policy): Rebased {
  const changedByBoth = [...Object.keys(net.set), ...net.removed].filter((field) => {
    const mine = own(net.set, field);
    return !jsonEquals(mine, own(newBase, field)) && !jsonEquals(own(oldBase, field), own(newBase, field));
  });
  const rest = dropEqual(net, newBase);
  if (!rest || changedByBoth.length === 0 || policy === 'client-wins') return kept(rest);
  if (policy === 'ask') return { net: rest, conflicts: changedByBoth, dropped: [] };
  return { net: without(rest, changedByBoth), conflicts: [], dropped: changedByBoth };
}
