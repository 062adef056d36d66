/** The worker to talk to, by its script's URL or by a registration an app made itself. `user` is the Airflow user name; each has a replica of its own. */
export type ConnectOptions = ({ readonly worker: string } | { readonly registration: ServiceWorkerRegistration }) & {
  readonly user: string;
  /** Cursor of the last event this app has dealt with: what came after it is told again. */
  readonly since?: string;
};
