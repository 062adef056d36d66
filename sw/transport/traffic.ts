/**
 * Counts the traffic with Airflow since the worker started. The counts are labels for people and
 * decide nothing.
 */
export class Traffic {
  /** Bytes of bodies as sent. */
  sent = 0;
  /** Bytes of bodies: as transferred where the server says so, else as unpacked. */
  received = 0;
  /** HTTP status of the last answer; undefined where none came. */
  status: number | undefined;
}
