/**
 * The worker to talk to, by the script's URL or by a registration the app made itself. `user` is
 * the Airflow user name; each user has a replica of their own.
 */
export type ConnectOptions = (
  | {
      readonly worker: string;
      /** `module` for a worker that is served in parts, as a development server does. */
      readonly type?: WorkerType;
    }
  | { readonly registration: ServiceWorkerRegistration }
) & {
  readonly user: string;
  /**
   * Cursor of the last event this app has dealt with: later events are told again. `null`, as
   * `localStorage` says where nothing is kept: none.
   */
  readonly since?: string | null;
};
