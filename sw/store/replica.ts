import type { BatchName } from '../../shared/exchange.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { StorageLoss, WaitingFor } from '../../shared/status.ts';
import type { OpenCircuit } from '../replay/circuit.ts';
import type { CredentialsKind } from '../transport/transport.ts';

/** Who this replica is and how far it got: one row, changed in the same transaction as the records it speaks of. */
export interface Replica {
  readonly user: string;
  readonly replicaId: string;
  /** Names this database's event log: after a wipe cursors start anew. */
  readonly logId: string;
  readonly epoch: string | null;
  /** Last settled batch. */
  readonly last: BatchName | null;
  /** Number of the batch that is sealed and unanswered: without its delivery nobody could tell what of it has been sent. */
  readonly onItsWay?: number;
  /** Checkpoint: the store's revision up to which this replica has seen everything. */
  readonly since: number;
  /** Revision of the store when the last re-read began. */
  readonly floor: number;
  /** Counts re-reads; rows of an older generation are unverified. */
  readonly generation: number;
  /** True from a re-read's first page to its last: nothing is sealed meanwhile. */
  readonly rereading: boolean;
  /** True once a first pull is complete. */
  readonly ready: boolean;
  /** Number of the last capture. */
  readonly seq: number;
  /** Mutations the next batch may hold at most; halved when a batch is refused as a whole. */
  readonly mutationsMax: number;
  /** Bytes the next batch may hold at most, once one was too large for what lies between here and Airflow. */
  readonly bytesMax?: number;
  /** Hash of the collection names: a replica that starts to hold another collection re-reads. */
  readonly holding: string;
  /** Not before `until` (ms since 1970) unless something new happens. `failures` in a row. */
  readonly backoff: { readonly for: WaitingFor; readonly failures: number; readonly until?: number } | null;
  /** A sync event ended with work left since a tag was last registered. */
  readonly isSyncStuck?: boolean;
  /** Set while Airflow is in trouble, whichever lane has met it. */
  readonly circuit?: OpenCircuit;
  /** `signIns` counts them: a refusal of older credentials says nothing about newer ones. */
  readonly auth: { readonly kind: 'none' | 'cookie' | 'memory' | 'sealed'; readonly required: AuthReason | null; readonly signIns: number };
  /** ms since 1970; labels, never used to decide. */
  readonly lastExchangeAt?: number;
  readonly lastPullAt?: number;
  /** Number of the last capture before a sign-out that left unsent work: what was captured until then is hidden. */
  readonly lockedAt?: number;
  /** Rows in quarantine that were told of. */
  readonly quarantinedTold?: number;
  /** Set when the database was found emptied. `isTold`: its event is out. */
  readonly lost?: StorageLoss & { readonly isTold: boolean };
  /** Bytes of all exchanges' bodies. */
  readonly bytes?: { readonly sent: number; readonly received: number };
  /** How the last exchange travelled: it decides how much the next batch may hold. */
  readonly via?: TransportName;
}

/** Which credentials to ask for. Where nobody has signed in the page may have a token all the same. */
export const credentialsOf = ({ kind }: Replica['auth']): CredentialsKind => (kind === 'none' ? 'memory' : kind);
