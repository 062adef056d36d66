import { classifyCall } from './classify-call.ts';
import type { Credentials } from '../transport/credentials.ts';
import type { Http, HttpReply, HttpRequest } from '../transport/http.ts';
import type { CredentialsKind, Effect } from '../transport/transport.ts';

/** Airflow's REST API, as one user. */
export interface AirflowApi {
  /**
   * Checks whose credentials these are, so that no request of a user travels under another's name.
   * Returns the obstacle as an effect.
   */
  readonly open: (kind: CredentialsKind) => Promise<Session | Effect>;
}

/** An authorised connection for a few requests that belong together. */
export interface Session {
  readonly send: (request: HttpRequest) => Promise<HttpReply>;
}

export function createAirflowApi({
  http,
  credentials,
}: {
  readonly http: Http;
  readonly credentials: Credentials;
}): AirflowApi {
  return {
    async open(kind) {
      const authorization = await credentials.authorize(kind);
      if ('kind' in authorization) return authorization;
      return {
        async send(request) {
          const reply = await http(request, authorization);
          if (classifyCall(reply).kind === 'sign-in') await credentials.forget(kind, authorization);
          return reply;
        },
      };
    },
  };
}
