import { useEffect, useState } from 'preact/hooks';
import { NETWORK_CHANNEL, type NetworkAnswer, type NetworkQuestion } from '../simulated-network.ts';

let simulated = false;

/** Whether this page is offline, really or by the guide's switch. */
export const isOffline = (): boolean => simulated || !navigator.onLine;

export interface Network {
  readonly offline: boolean;
  readonly simulated: boolean;
  readonly setSimulated: (offline: boolean) => Promise<void>;
}

/**
 * The network from the worker's view: the browser's state, and the guide's switch, which lives in
 * the worker.
 */
export function useNetwork(registration: ServiceWorkerRegistration): Network {
  const [state, setState] = useState({ offline: isOffline(), simulated });
  useEffect(() => {
    const show = (): void => setState({ offline: isOffline(), simulated });
    const hear = (answer: NetworkAnswer): void => {
      simulated = answer.offline;
      show();
    };
    const channel = new BroadcastChannel(NETWORK_CHANNEL);
    channel.onmessage = ({ data }: MessageEvent<NetworkAnswer>) => hear(data);
    void askWorker(registration, { demo: 'network' }).then((answer) => answer && hear(answer));
    addEventListener('online', show);
    addEventListener('offline', show);
    return () => {
      channel.close();
      removeEventListener('online', show);
      removeEventListener('offline', show);
    };
  }, [registration]);
  return {
    ...state,
    async setSimulated(offline) {
      const answer = await askWorker(registration, { demo: 'network', offline });
      if (!answer) return;
      simulated = answer.offline;
      setState({ offline: isOffline(), simulated });
    },
  };
}

const ANSWER_TIMEOUT_MS = 5_000;

function askWorker(
  { active }: ServiceWorkerRegistration,
  question: NetworkQuestion,
): Promise<NetworkAnswer | undefined> {
  return new Promise((resolve) => {
    if (!active) return resolve(undefined);
    const { port1, port2 } = new MessageChannel();
    setTimeout(resolve, ANSWER_TIMEOUT_MS, undefined);
    port1.onmessage = ({ data }: MessageEvent<NetworkAnswer>) => resolve(data);
    active.postMessage(question, [port2]);
  });
}
