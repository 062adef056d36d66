import type { BatchName } from '../../shared/exchange.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { StorageLoss, WaitingFor } from '../../shared/status.ts';
import type { CredentialsKind } from '../transport/transport.ts';
import type { OpenCircuit } from './circuit-state.ts';

/**
 * The replica's identity and progress: a single row, changed in the same transaction as the
 * records.
 */
export interface Replica {
  readonly user: string;
  /**
   * The app that owns the replica. A replica from before apps had names belongs to the app that
   * first opens it.
   */
  readonly app?: string;
  readonly replicaId: string;
  /** Names this database's event log: after a wipe, cursors start anew. */
  readonly logId: string;
  readonly epoch: string | null;
  /** The last settled batch. */
  readonly last: BatchName | null;
  /**
   * Number of the sealed, unanswered batch. If its delivery is lost, this number shows that a batch
   * was sent whose records nobody can name.
   */
  readonly onItsWay?: number;
  /** Checkpoint: the server store's revision up to which this replica has seen everything. */
  readonly since: number;
  /** Revision of the server store when the last re-read began. */
  readonly floor: number;
  /**
   * The newest answer's proof, sent with each request and read by the server alone: distinguishes a
   * restored server store from a false claim.
   */
  readonly proof?: string;
  /** Counts re-reads; rows of an older generation are unverified. */
  readonly generation: number;
  /** True from a re-read's first page to its last: nothing is sealed in between. */
  readonly rereading: boolean;
  /** True once the first pull is complete. */
  readonly ready: boolean;
  /** Number of the last capture. */
  readonly seq: number;
  /** Maximum of mutations in the next batch; halved when a whole batch is refused. */
  readonly mutationsMax: number;
  /**
   * Maximum of bytes in the next batch; set when a batch was too large for Airflow or a proxy
   * before it.
   */
  readonly bytesMax?: number;
  /**
   * The names of the collections held; a replica that starts to hold another collection re-reads.
   */
  readonly holding: string;
  /** Names the declarations that were last in force. */
  readonly declared?: string;
  /**
   * No attempt before `until` (ms since 1970) unless something new happens. `failures`: in a row.
   * `message`: the server's words about the last failure.
   */
  readonly backoff: {
    readonly for: WaitingFor;
    readonly failures: number;
    readonly until?: number;
    readonly message?: string;
  } | null;
  /** True when a sync event has ended with work left since a tag was last registered. */
  readonly isSyncStuck?: boolean;
  /** Set while Airflow is in trouble, whichever lane found out. */
  readonly circuit?: OpenCircuit;
  /**
   * `signIns` counts sign-ins: a refusal of older credentials says nothing about newer credentials.
   */
  readonly auth: {
    readonly kind: 'none' | 'cookie' | 'memory' | 'sealed';
    readonly required: AuthReason | null;
    readonly signIns: number;
    /**
     * True when a page renewed the token after a refusal, and no exchange was settled with the new
     * token yet.
     */
    readonly renewed?: true;
  };
  /** ms since 1970; labels, never used for decisions. */
  readonly lastExchangeAt?: number;
  readonly lastPullAt?: number;
  /**
   * Number of the last capture before a sign-out that left unsent work: records captured up to then
   * are hidden.
   */
  readonly lockedAt?: number;
  /** Records of Airflow that no row of this device can hold; a thousand at most. */
  readonly keptOut?: readonly { readonly collection: string; readonly id: string }[];
  /** The held collections that Airflow did not declare in its last answer. */
  readonly undeclared?: readonly string[];
  /** Number of the last quarantined row that pages were told of. */
  readonly quarantinedTold?: number;
  /** Set when the database was found emptied. `isTold`: its event was sent. */
  readonly lost?: StorageLoss & { readonly isTold: boolean };
  /** Bytes of all exchanges' bodies. */
  readonly bytes?: { readonly sent: number; readonly received: number };
  /** The transport of the last exchange: decides how much the next batch may hold. */
  readonly via?: TransportName;
}

/** The credentials to ask for. Before the first sign-in a page may still have a token. */
export const credentialsOf = ({ kind }: Replica['auth']): CredentialsKind =>
  kind === 'none' ? 'memory' : kind;

/** The loss as pages see it, without the engine's own fields. */
export const lossOf = ({ at, unsent, restored, calls }: StorageLoss): StorageLoss => ({
  at,
  unsent,
  restored,
  calls,
});
