/** What has gone to and come from Airflow since the worker was started. Labels for people; nothing is decided by it. */
export class Traffic {
  /** Bytes of bodies as they were sent. */
  sent = 0;
  /** Bytes of bodies: as they travelled where the server says so, else as they were unpacked. */
  received = 0;
  /** HTTP status of the last answer; undefined where none came. */
  status: number | undefined;
}
