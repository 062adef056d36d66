import limits from './contract/limits.json' with { type: 'json' };

/**
 * Newest version of the exchange between worker and provider. A change of `shared/exchange.ts`
 * needs a new version: a test pins the schema's hash. Version 2: the part `elements` of a mutation.
 */
export const PROTOCOL_VERSION = limits.protocol;

/**
 * The oldest version still spoken. A request names the oldest version that holds everything in it,
 * so that an older server takes all but what it does not know.
 */
export const PROTOCOL_FLOOR = limits.protocol_floor;

/** Whether an answer of this version is one that this side reads. */
export const isSpoken = (protocol: number): boolean =>
  protocol >= PROTOCOL_FLOOR && protocol <= PROTOCOL_VERSION;

/**
 * Version of the messages between page and worker. The version grows with a message that page or
 * worker cannot do without; docs/protocol.md has the history. Version 4: a page asks for the name
 * of its channel.
 */
export const MESSAGES_VERSION = 4;

/**
 * The oldest messages still served, by the worker and by the page: a deployment replaces worker and
 * page at different times.
 */
export const MESSAGES_FLOOR = 3;
