import type { Elements } from '../../shared/edit.ts';
import { withElements } from '../../shared/elements.ts';
import { isScalars, jsonEquals, own, type Json } from '../../shared/json.ts';
import type { Fields, ServerMutation } from './mutation.ts';

export const NO_LIST = 'only a list of texts, numbers, true, false and null takes elements';

/** Returns the list after the change, or undefined where nothing changes. */
export function changedList(
  fields: Fields,
  name: string,
  change: Elements,
): readonly Json[] | 'no-list' | undefined {
  const before = own<Json>(fields, name);
  if (before !== undefined && !isScalars(before)) return 'no-list';
  const after = withElements(before, change) as readonly Json[] | undefined;
  return after && !jsonEquals(before, after) ? after : undefined;
}

/** The lists that a create makes: an absent list is empty, and absent where nothing is added. */
export const listsOf = ({ elements }: ServerMutation): Fields =>
  Object.fromEntries(
    Object.entries(elements).flatMap(([name, change]) => {
      const list = withElements(undefined, change);
      return list === undefined ? [] : [[name, list]];
    }),
  );
