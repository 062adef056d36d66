import * as v from 'valibot';
import type { Elements } from '../../shared/edit.ts';
import type { Json } from '../../shared/json.ts';
import { own, utf8Bytes, whyNotJson } from '../../shared/json.ts';
import { FIELD_NAME_BYTES_MAX, ID_BYTES_MAX } from '../../shared/limits.ts';
import { ElementsByField } from '../../shared/mutation.ts';
import type { Reason } from '../../shared/verdict.ts';

export type Fields = Readonly<Record<string, Json>>;

/** A change as the server applies it. */
export interface ServerMutation {
  readonly collection: string;
  readonly id: string;
  readonly baseRevision: number;
  readonly op: 'create' | 'patch' | 'delete';
  readonly set: Fields;
  readonly removed: readonly string[];
  readonly inc: Readonly<Record<string, number>>;
  readonly elements: Readonly<Record<string, Elements>>;
}

/** A mutation whose record can be named but that cannot be applied: it is rejected alone. */
export interface BadMutation {
  readonly collection: string;
  readonly id: string;
  readonly problem: Reason;
}
export type AnyMutation = ServerMutation | BadMutation;

/** A fault of the request as a whole. */
export class InvalidRequest extends Error {
  readonly reason: Reason;
  constructor(kind: string, message: string, path?: string) {
    super(message);
    this.reason = { kind, message, ...(path === undefined ? {} : { path }) };
  }
}

export const problem = (kind: string, message: string, path?: string): Reason => ({
  kind,
  message,
  ...(path === undefined ? {} : { path }),
});

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Whether a value is a whole number from 0 that every side holds exactly. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

const KEYS = 'collection id firstSeq lastSeq baseRevision op set removed inc elements'.split(' ');
const OPS = ['create', 'patch', 'delete'];

/** Parses a mutation. Throws InvalidRequest if not even the record can be named. */
export function readMutation(body: unknown, index: number): AnyMutation {
  const place = `/batch/mutations/${index}`;
  if (!isObject(body)) throw new InvalidRequest('malformed', 'a mutation is an object', place);
  const {
    collection,
    id,
    baseRevision,
    op,
    set = {},
    removed = [],
    inc = {},
    elements = {},
  } = body;
  if (typeof collection !== 'string' || typeof id !== 'string')
    throw new InvalidRequest('malformed', 'a mutation names its collection and id', place);
  const bad = (message: string, path?: string): BadMutation => ({
    collection,
    id,
    problem: problem('malformed', message, path),
  });
  const shape = whyNotId(id) ?? whyNotShape(body) ?? whyNotFields(body);
  if (shape !== undefined) return bad(shape);
  for (const [name, value] of Object.entries({ ...(set as Fields), ...(elements as Fields) })) {
    const why = whyNotJson({ [name]: value });
    if (why !== undefined) return bad(why, `/${name}`);
  }
  return {
    collection,
    id,
    baseRevision,
    op,
    set,
    removed,
    inc,
    elements,
  } as unknown as ServerMutation;
}

/** Returns why a text cannot be a record's id, or undefined. */
export const whyNotId = (id: string): string | undefined =>
  id === '' || utf8Bytes(id) > ID_BYTES_MAX
    ? `an id has 1 to ${ID_BYTES_MAX} bytes of UTF-8`
    : whyNotJson(id);

function whyNotShape(body: Readonly<Record<string, unknown>>): string | undefined {
  const unknown = Object.keys(body).filter((key) => !KEYS.includes(key));
  if (unknown.length > 0) return `unknown keys ${unknown.join(', ')}`;
  if (!OPS.includes(body['op'] as string)) return 'op must be create, patch or delete';
  if (![body['firstSeq'], body['lastSeq'], body['baseRevision']].every(isCount))
    return 'firstSeq, lastSeq and baseRevision must be integers of at least 0';
  if (!isObject(own(body, 'set') ?? {}) || !isObject(own(body, 'inc') ?? {}))
    return 'set and inc must be objects';
  if (!v.is(ElementsByField, body['elements'] ?? {}))
    return 'elements must hold {added, removed} for each field, lists of single values';
  const { removed = [] } = body;
  return Array.isArray(removed) && removed.every((name) => typeof name === 'string')
    ? undefined
    : 'removed must be a list of field names';
}

function whyNotFields(body: Readonly<Record<string, unknown>>): string | undefined {
  const {
    op,
    set = {},
    removed = [],
    inc = {},
    elements = {},
  } = body as unknown as Partial<ServerMutation>;
  const names = [...Object.keys(set), ...removed, ...Object.keys(inc), ...Object.keys(elements)];
  if (op === 'delete' && names.length > 0) return 'a delete carries no fields';
  if (op === 'create' && removed.length > 0) return 'a create removes nothing';
  if (new Set(names).size !== names.length)
    return 'set, removed, inc and elements must name different fields';
  const unfit = names.find((name) => !isFieldName(name));
  if (unfit !== undefined) return `not a field name: ${unfit.slice(0, 50)}`;
  return Object.values(inc).every((step) => Number.isFinite(step) && whyNotJson(step) === undefined)
    ? undefined
    : 'inc must hold numbers';
}

export const isFieldName = (name: string): boolean =>
  name !== 'id' &&
  whyNotJson({ [name]: null }) === undefined &&
  utf8Bytes(name) <= FIELD_NAME_BYTES_MAX;
