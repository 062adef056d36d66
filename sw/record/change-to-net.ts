import { UpdraftError, unreachable } from '../../shared/errors.ts';
import { own, utf8Bytes, whyNotHeld, whyNotJson, type Doc, type Json } from '../../shared/json.ts';
import { ID_BYTES_MAX } from '../../shared/limits.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import {
  applyNet,
  DELETE,
  diff,
  EMPTY,
  fieldsDone,
  fieldsUnfit,
  netFields,
  whyNotWritable,
  without,
  type Edit,
  type Net,
} from './net.ts';
import { elementsOf } from './list-change.ts';
import { whyUnfit } from './why-unfit.ts';

/** Returns the id of the changed record. Throws `no-id`, `too-large` or `not-json`. */
export function idOf(change: ChangeCommand): string {
  const id = 'id' in change ? change.id : (change.value as { id?: unknown } | null | undefined)?.id;
  if (typeof id !== 'string' || id === '')
    throw new UpdraftError(
      'no-id',
      'The record has no "id". Give it one: a non-empty string, for instance newId().',
    );
  const reason = whyNotJson(id, 'it');
  if (reason) throw new UpdraftError('not-json', `The id cannot be stored: ${reason}.`);
  const bytes = utf8Bytes(id);
  if (bytes > ID_BYTES_MAX)
    throw new UpdraftError(
      'too-large',
      `The id has ${bytes} bytes in UTF-8; at most ${ID_BYTES_MAX} are stored.`,
    );
  return id;
}

/**
 * Returns the net effect of a change on this device's record (`view`; null: none), or `undefined`
 * for no effect. `seen`: the record that the author saw, if the caller gives one: fields that the
 * author left alone are then no change, for any present value. Throws `exists`, `not-found`,
 * `not-a-number`, `not-a-list`, `not-json` or `too-large`; then nothing was stored.
 */
export function changeToNet(
  change: ChangeCommand,
  id: string,
  view: Doc | null,
  seen = view,
): Net | undefined {
  if (change.op === 'delete') return view === null ? undefined : DELETE;
  const edit = changeToEdit(change, id, seen, view ?? seen);
  // On a deleted record every change of the author's counts.
  const left = view === null ? edit : withoutDone(edit, view);
  if (view !== null && netFields(left).length === 0) return undefined;
  checkDoc(view ?? seen, left, id);
  return left;
}

/** Returns the edit without the fields that are in the record already. */
function withoutDone(edit: Edit, view: Doc): Edit {
  const left = without(edit, fieldsDone(edit, view));
  return left?.kind === 'edit' ? left : EMPTY;
}

/** `saw`: the record that the author saw; `there`: the present record. */
function changeToEdit(
  change: Exclude<ChangeCommand, { op: 'delete' }>,
  id: string,
  saw: Doc | null,
  there: Doc | null,
): Edit {
  switch (change.op) {
    case 'add':
      if (there !== null)
        throw new UpdraftError(
          'exists',
          `There is already a record "${id}". Use put() to replace it or choose another id.`,
        );
      return diff(saw, checkedDoc(change.value));
    case 'put':
      return diff(saw, checkedDoc(change.value));
    case 'patch': {
      const set: Readonly<Record<string, Json>> = checkedDoc(change.set);
      if (Object.hasOwn(set, 'id') && set['id'] !== id)
        throw new UpdraftError(
          'no-id',
          `No patch changes an id: this one is about "${id}" and sets another. Put a new ` +
            'record and delete this one.',
        );
      const seen = found(saw, id);
      const edit = diff(seen, { ...seen, ...set, id });
      return {
        ...edit,
        removed: change.removed.filter((field) => field !== 'id' && Object.hasOwn(seen, field)),
      };
    }
    case 'increment': {
      const seen = found(there, id);
      for (const field of Object.keys(change.by)) {
        const value = own<Json>(seen, field);
        if (field === 'id' || (value !== undefined && typeof value !== 'number'))
          throw new UpdraftError(
            'not-a-number',
            `The field "${field}" holds ${JSON.stringify(value)}; only a number can be ` +
              'incremented.',
          );
      }
      return {
        ...EMPTY,
        inc: Object.fromEntries(Object.entries(change.by).filter(([, by]) => by !== 0)),
      };
    }
    case 'add-to':
    case 'remove-from':
      return { ...EMPTY, elements: elementsOf(change, found(there, id)) };
    default:
      return unreachable(change);
  }
}

function found(view: Doc | null, id: string): Doc {
  if (view === null)
    throw new UpdraftError(
      'not-found',
      `There is no record "${id}" on this device. Use put() to make it.`,
    );
  return view;
}

function checkedDoc(value: unknown): Doc {
  checkFields(value);
  return value;
}

/**
 * Throws for values that are no JSON object; `idOf()` has checked the id. Only changed fields are
 * judged by the rules for writing, so that values stored under older rules stay editable.
 */
function checkFields(value: unknown): asserts value is Doc {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UpdraftError('not-json', 'A record is a JSON object.');
  refuse(whyNotHeld(value));
}

/**
 * Checks the values that an edit writes, and the record that would result: the provider takes every
 * record that passes here.
 */
function checkDoc(before: Doc | null, net: Edit, id: string): void {
  refuse(whyNotWritable(net));
  const [sum] = fieldsUnfit(before, net);
  if (sum !== undefined)
    throw new UpdraftError(
      'not-json',
      `The sum of the field "${sum}" would be no number that a record can hold.`,
    );
  const doc = applyNet(before, net, id);
  const unfit = doc && whyUnfit(doc);
  if (unfit) throw new UpdraftError(unfit.kind, unfit.message);
}

function refuse(reason: string | undefined): void {
  if (reason) throw new UpdraftError('not-json', `The record cannot be stored: ${reason}.`);
}
