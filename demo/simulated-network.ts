/** Message between page and worker about the guide's "no network" switch. */
export type NetworkQuestion = { readonly demo: 'network'; readonly offline?: boolean };
export interface NetworkAnswer {
  readonly demo: 'network';
  readonly offline: boolean;
}

/** Channel that tells every tab of this device. */
export const NETWORK_CHANNEL = 'demo-network';

export const isNetworkQuestion = (data: unknown): data is NetworkQuestion =>
  typeof data === 'object' && data !== null && 'demo' in data && data.demo === 'network';
