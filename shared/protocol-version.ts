import limits from './contract/limits.json' with { type: 'json' };

/** Version of the exchange between worker and provider. A change of `shared/exchange.ts` needs a new one: its test pins the schema's hash. */
export const PROTOCOL_VERSION = limits.protocol;

/** Version of the messages between page and worker. */
export const MESSAGES_VERSION = 3;
