import type { ServerResponse } from 'node:http';

/** A request with its body, as the servers see it: a plant may change it on the way. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  body: Buffer;
}

export interface File {
  readonly body: string | Buffer;
  readonly type?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A misconfiguration of a site that is well without it. */
export interface Plant {
  /** Airflow on an origin of its own. */
  readonly twoOrigins?: boolean;
  /** Files of the app, beside those that are well, or in their place. */
  readonly files?: Readonly<Record<string, File>>;
  readonly airflow?: Partial<AirflowSettings>;
  /** Changes a request to Airflow, as a proxy does. */
  readonly onTheWay?: (asked: Asked) => void;
  /** Answers in Airflow's place; true: it has answered. */
  readonly answers?: (asked: Asked, response: ServerResponse) => boolean;
}

export interface AirflowSettings {
  readonly version: string;
  readonly user: string;
  readonly protocol: number;
  readonly newest: number;
  readonly collections: Readonly<Record<string, object>>;
  readonly bodyBytesMax: number;
  readonly skewSeconds: number;
  readonly hasPlugin: boolean;
  readonly mayUse: boolean;
  readonly origins: (app: string) => string | undefined;
  readonly methods: readonly string[];
  readonly headers: readonly string[];
}

export const COLLECTIONS = {
  version: 1,
  collections: {
    inspections: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
    sites: { schema: { type: 'object' }, write: 'none' },
  },
};
