import { UpdraftError, unreachable } from '../../shared/errors.ts';
import { jsonBytes, own, whyNotJson, type Doc, type Json } from '../../shared/json.ts';
import { FIELD_NAME_LENGTH_MAX, ID_LENGTH_MAX, RECORD_BYTES_MAX } from '../../shared/limits.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import { applyNet, DELETE, diff, netFields, type Edit, type Net } from '../outbox/net.ts';

/** The id the change is about. Throws `no-id`, `too-large` or `not-json`. */
export function idOf(change: ChangeCommand): string {
  const id = 'id' in change ? change.id : (change.value as { id?: unknown } | null | undefined)?.id;
  if (typeof id !== 'string' || id === '') throw new UpdraftError('no-id', 'The record has no "id". Give it one: a non-empty string, for instance newId().');
  if (id.length > ID_LENGTH_MAX) throw new UpdraftError('too-large', `The id has ${id.length} characters; at most ${ID_LENGTH_MAX} are stored.`);
  const reason = whyNotJson(id);
  if (reason) throw new UpdraftError('not-json', `The id cannot be stored: ${reason}.`);
  return id;
}

/**
 * What a change does to the record the author saw (`view`; null: none). `undefined`: nothing.
 * Throws `exists`, `not-found`, `not-a-number`, `not-json` or `too-large`; then nothing was stored.
 */
export function changeToNet(change: ChangeCommand, id: string, view: Doc | null): Net | undefined {
  if (change.op === 'delete') return view === null ? undefined : DELETE;
  const edit = changeToEdit(change, id, view);
  if (view !== null && netFields(edit).length === 0) return undefined;
  checkDoc(applyNet(view, edit, id));
  return edit;
}

function changeToEdit(change: Exclude<ChangeCommand, { op: 'delete' }>, id: string, view: Doc | null): Edit {
  switch (change.op) {
    case 'add':
      if (view !== null) throw new UpdraftError('exists', `There is already a record "${id}". Use put() to replace it or choose another id.`);
      return diff(view, checkedDoc(change.value));
    case 'put':
      return diff(view, checkedDoc(change.value));
    case 'patch': {
      const set: Readonly<Record<string, Json>> = checkedDoc(change.set);
      const seen = found(view, id);
      const edit = diff(seen, { ...seen, ...set, id });
      return { ...edit, removed: change.removed.filter((field) => field !== 'id' && Object.hasOwn(seen, field)) };
    }
    case 'increment': {
      const seen = found(view, id);
      for (const field of Object.keys(change.by)) {
        const value = own<Json>(seen, field);
        if (field === 'id' || (value !== undefined && typeof value !== 'number'))
          throw new UpdraftError('not-a-number', `The field "${field}" holds ${JSON.stringify(value)}; only a number can be incremented.`);
      }
      return { kind: 'edit', set: {}, removed: [], inc: Object.fromEntries(Object.entries(change.by).filter(([, by]) => by !== 0)) };
    }
    default:
      return unreachable(change);
  }
}

function found(view: Doc | null, id: string): Doc {
  if (view === null) throw new UpdraftError('not-found', `There is no record "${id}" on this device. Use put() to make it.`);
  return view;
}

function checkedDoc(value: unknown): Doc {
  checkFields(value);
  return value;
}

/** A JSON object; whether it has an id was asked before. */
function checkFields(value: unknown): asserts value is Doc {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UpdraftError('not-json', 'A record is a JSON object.');
  const reason = whyNotJson(value);
  if (reason) throw new UpdraftError('not-json', `The record cannot be stored: ${reason}.`);
}

/** Checks the record that would result: what a person captured must fit into one batch. */
function checkDoc(doc: Doc | null): void {
  if (doc === null) return;
  const reason = whyNotJson(doc);
  if (reason) throw new UpdraftError('not-json', `The record cannot be stored: ${reason}.`);
  const long = Object.keys(doc).find((field) => field.length > FIELD_NAME_LENGTH_MAX);
  if (long !== undefined) throw new UpdraftError('too-large', `A field's name has ${long.length} characters; at most ${FIELD_NAME_LENGTH_MAX} are stored.`);
  const bytes = jsonBytes(doc);
  if (bytes > RECORD_BYTES_MAX)
    throw new UpdraftError('too-large', `The record has ${bytes} bytes as JSON; at most ${RECORD_BYTES_MAX} are stored. Keep large parts outside the record.`);
}
