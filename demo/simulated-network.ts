/** The guide's "no network" switch: what page and worker say to each other about it. */
export type NetworkQuestion = { readonly demo: 'network'; readonly offline?: boolean };
export interface NetworkAnswer {
  readonly demo: 'network';
  readonly offline: boolean;
}

/** Every tab of this device is told. */
export const NETWORK_CHANNEL = 'demo-network';

export const isNetworkQuestion = (data: unknown): data is NetworkQuestion =>
  typeof data === 'object' && data !== null && 'demo' in data && data.demo === 'network';
