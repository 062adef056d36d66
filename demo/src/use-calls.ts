import { useEffect, useState } from 'preact/hooks';
import type { CallEntry, PendingInputs } from '../../client/index.ts';
import type { Client } from './use-updraft.ts';

/** Calls of this device, and tasks of Airflow that wait for a person. */
export interface Calls {
  readonly calls: readonly CallEntry[];
  readonly pending: PendingInputs;
}
const NOTHING: Calls = { calls: [], pending: { inputs: [] } };

/** Reads now, and after each event of a call or request. */
export function useCalls(client: Client | undefined): Calls {
  const [read, setRead] = useState(NOTHING);
  useEffect(() => {
    if (!client) return undefined;
    let isGone = false;
    const refresh = async (): Promise<void> => {
      const [calls, pending] = await Promise.all([
        client.airflow.calls(),
        client.airflow.pendingInputs(),
      ]);
      if (!isGone) setRead({ calls, pending });
    };
    // A worker that does not answer now is asked again with the next event.
    const look = (): void => void refresh().catch(() => undefined);
    const stops = [
      client.on('call', look),
      client.on('pending-inputs', look),
      client.on('change', ({ collection }) => collection === '*' && look()),
    ];
    look();
    return () => {
      isGone = true;
      stops.forEach((stop) => stop());
    };
  }, [client]);
  return read;
}
