import limits from './contract/limits.json' with { type: 'json' };

/** One limit on everything, the unit in the name. The wire's limits are shared with the provider. */
export const RECORD_BYTES_MAX = limits.record_bytes_max;
export const ID_LENGTH_MAX = limits.id_length_max;
export const FIELD_NAME_LENGTH_MAX = limits.field_name_length_max;
export const BATCH_MUTATIONS_MAX = limits.batch_mutations_max;
export const BATCH_BYTES_MAX = limits.batch_bytes_max;
export const REQUEST_BYTES_MAX = limits.request_bytes_max;
export const PAGE_CHANGES_MAX = limits.page_changes_max;
