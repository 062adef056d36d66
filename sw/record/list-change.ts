import type { Elements } from '../../shared/edit.ts';
import { UpdraftError } from '../../shared/errors.ts';
import { isScalars, own, type Doc, type Json } from '../../shared/json.ts';
import type { ChangeCommand } from '../../shared/messages.ts';

/**
 * Returns the change of each list, without elements that are in the list already, or are not.
 * Throws `not-a-list` for a field that holds anything else.
 */
export function elementsOf(
  { op, elements }: Extract<ChangeCommand, { op: 'add-to' | 'remove-from' }>,
  there: Doc,
): Readonly<Record<string, Elements>> {
  const changes = Object.entries(elements).map(([field, given]): [string, Elements] => {
    const value = own<Json>(there, field);
    const list = value === undefined ? [] : value;
    if (field === 'id' || !isScalars(list))
      throw new UpdraftError(
        'not-a-list',
        `The field "${field}" holds ${JSON.stringify(list)}; only a list of texts, numbers, ` +
          'true, false and null can be added to and removed from. Patch it instead.',
      );
    const isIn = new Set(list);
    const left = given.filter((element) => isIn.has(element) === (op === 'remove-from'));
    return [field, op === 'add-to' ? { added: left, removed: [] } : { added: [], removed: left }];
  });
  return Object.fromEntries(
    changes.filter(([, { added, removed }]) => added.length + removed.length > 0),
  );
}
