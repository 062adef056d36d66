import type { Declarations } from '../../shared/collections.ts';
import { unreachable } from '../../shared/errors.ts';
import type { TransportName } from '../../shared/limits.ts';
import { createAutoTransport } from './auto.ts';
import type { Credentials } from './credentials.ts';
import { createDagTransport } from './dag.ts';
import type { Http } from './http.ts';
import { createPluginTransport } from './plugin.ts';
import type { SettledRuns, Transport } from './transport.ts';

interface Deps {
  readonly user: string;
  readonly http: Http;
  readonly credentials: Credentials;
  readonly declarations: () => Declarations;
  readonly randomHex: () => string;
  readonly sleep: (ms: number) => Promise<void>;
  /** ms since 1970 */
  readonly now: () => number;
  /** Default: `keep`. */
  readonly settledRuns?: SettledRuns | undefined;
}

/** Creates the transport that the app has chosen. */
export function createTransport(choice: 'auto' | TransportName = 'auto', deps: Deps): Transport {
  switch (choice) {
    case 'plugin':
      return createPluginTransport(deps);
    case 'dag':
      return createDagTransport(deps);
    case 'auto':
      return createAutoTransport({
        plugin: createPluginTransport(deps),
        dag: createDagTransport(deps),
        declarations: deps.declarations,
      });
    default:
      return unreachable(choice);
  }
}
