import { classifyCall } from '../calls/classify-call.ts';
import type { Credentials } from './credentials.ts';
import type { Http, HttpReply, HttpRequest } from './http.ts';
import type { CredentialsKind, Effect } from './transport.ts';

/** Airflow's REST API, as one user. */
export interface AirflowApi {
  /** Asks whose credentials these are: nothing of one user travels under another's name. What stands in the way is an effect. */
  readonly open: (kind: CredentialsKind) => Promise<Session | Effect>;
}

/** For a few requests that belong together. */
export interface Session {
  readonly send: (request: HttpRequest) => Promise<HttpReply>;
}

export function createAirflowApi({ http, credentials }: { readonly http: Http; readonly credentials: Credentials }): AirflowApi {
  return {
    async open(kind) {
      const authorization = await credentials.authorize(kind);
      if ('effect' in authorization) return authorization;
      return {
        async send(request) {
          const reply = await http(request, authorization);
          if (classifyCall(reply).is === 'sign-in') await credentials.forget(kind, authorization);
          return reply;
        },
      };
    },
  };
}
