import limits from './contract/limits.json' with { type: 'json' };

/** One limit on everything, the unit in the name. The wire's limits are shared with the provider. */
export const RECORD_BYTES_MAX = limits.record_bytes_max;
export const ID_LENGTH_MAX = limits.id_length_max;
export const FIELD_NAME_LENGTH_MAX = limits.field_name_length_max;

/** The ways of an exchange: the provider's plugin in the API server, or a DAG run through Airflow's stock REST API. */
export type TransportName = 'plugin' | 'dag';

/** What one exchange may carry. A batch that is over them is refused as a whole (`invalid`, `too_large`), and its device splits it. */
export interface TransportLimits {
  readonly batchMutationsMax: number;
  readonly batchBytesMax: number;
  readonly pageChangesMax: number;
  readonly pageBytesMax: number;
  readonly verdictsBytesMax: number;
  readonly requestBytesMax: number;
}

/** The bundler is told that nothing else comes of these calls: a page's client has no use for them. */
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
