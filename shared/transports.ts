import type { TransportName } from './limits.ts';

/**
 * Whether Airflow tells an open page of news by itself: the transport has the plugin's stream, so
 * a page need not ask. `shared/limits.ts` says how much each transport carries.
 */
export const TELLS_NEWS: Readonly<Record<TransportName, boolean>> = { plugin: true, dag: false };

/** Every transport there is. */
export const TRANSPORT_NAMES = Object.keys(TELLS_NEWS) as readonly TransportName[];
