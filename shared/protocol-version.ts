import limits from './contract/limits.json' with { type: 'json' };

/**
 * Version of the exchange between worker and provider. A change of `shared/exchange.ts` needs a new
 * version: a test pins the schema's hash.
 */
export const PROTOCOL_VERSION = limits.protocol;

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
