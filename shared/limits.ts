import limits from './contract/limits.json' with { type: 'json' };

/** Limits, with the unit in each name. The wire's limits are shared with the provider. */
export const RECORD_BYTES_MAX = limits.record_bytes_max;
export const ID_BYTES_MAX = limits.id_bytes_max;
export const FIELD_NAME_BYTES_MAX = limits.field_name_bytes_max;

/**
 * The transports of an exchange: the provider's plugin in the API server, or a DAG run through
 * Airflow's stock REST API.
 */
export type TransportName = 'plugin' | 'dag';

/**
 * Limits of an exchange. A batch beyond the limits is refused as a whole (`invalid`, `too_large`),
 * and the device splits the batch.
 */
export interface TransportLimits {
  readonly batchMutationsMax: number;
  readonly batchBytesMax: number;
  readonly pageChangesMax: number;
  readonly pageBytesMax: number;
  readonly verdictsBytesMax: number;
  readonly requestBytesMax: number;
}

/**
 * `@__PURE__` tells the bundler that these calls have no side effects: a page's client has no use
 * for the result.
 */
export const TRANSPORT_LIMITS: Readonly<Record<TransportName, TransportLimits>> = {
  dag: /* @__PURE__ */ camelCased(limits.transports.dag),
  plugin: /* @__PURE__ */ camelCased(limits.transports.plugin),
};

function camelCased(declared: typeof limits.transports.dag): TransportLimits {
  return {
    batchMutationsMax: declared.batch_mutations_max,
    batchBytesMax: declared.batch_bytes_max,
    pageChangesMax: declared.page_changes_max,
    pageBytesMax: declared.page_bytes_max,
    verdictsBytesMax: declared.verdicts_bytes_max,
    requestBytesMax: declared.request_bytes_max,
  };
}
