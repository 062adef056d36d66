import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { readCollections, type Declarations } from '../../shared/collections.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type {
  Broadcast,
  ChangeCommand,
  Command,
  LoggedEvent,
  Results,
} from '../../shared/messages.ts';
import type { Durability, Status } from '../../shared/status.ts';
import { handleCommand } from '../commands/handle-command.ts';
import { openReplica, type OpenReplica } from '../open-replica.ts';
import type { Mirror, MirrorContent } from '../mirror/mirror.ts';
import { ReplicaStore } from '../store/replica-store.ts';
import type { Credentials } from '../transport/credentials.ts';
import type { Transport } from '../transport/transport.ts';
import type { World } from '../world.ts';

/**
 * For tests: one user's replica on a storage that outlives its workers. A test can reach every part
 * of its world.
 */
export class TestReplica {
  declarations: Declarations = readCollections({
    version: 1,
    collections: { asks: { schema: {}, indexes: ['site'] }, sites: { schema: {}, write: 'none' } },
  });
  indexedDB = new IDBFactory();
  transport: Transport = {
    carriesPrivate: true,
    exchange: async () => ({ kind: 'retry', for: 'network' }),
  };
  readonly events: LoggedEvent[] = [];
  readonly broadcasts: Broadcast[] = [];
  now = Date.parse('2026-01-01T00:00:00Z');
  isOnline = false;
  durability: Durability = 'best-effort';
  /** The mirror's content. */
  mirrored: MirrorContent | undefined;
  readonly mirror: Mirror = {
    read: async () => structuredClone(this.mirrored),
    write: async (content) => void (this.mirrored = structuredClone(content)),
    remove: async () => void (this.mirrored = undefined),
    pause: () => new Promise<void>(() => undefined),
  };
  #names = 0;
  #replica: Promise<OpenReplica> | undefined;
  /**
   * A store that another tab keeps from opening is used again for the next attempt, as in the
   * worker.
   */
  #blocked: ReplicaStore | undefined;
  readonly user: string;

  constructor(user = 'ana') {
    this.user = user;
  }

  /** Returns the replica that the running worker has open. */
  open(): Promise<OpenReplica> {
    this.#replica ??= openReplica(this.#world(), credentials).then((replica) => {
      this.#blocked = undefined;
      return replica;
    });
    return this.#replica;
  }

  /** Stops the worker; the next request starts another. */
  async restart(): Promise<void> {
    await (await this.#replica)?.close();
    this.#replica = undefined;
  }

  /** Stops the worker although its replica never opened. */
  forget(): void {
    this.#replica = undefined;
  }

  ask = async <C extends Command>(command: C): Promise<Results[C['type']]> =>
    (await handleCommand(await this.open(), command)).result as Results[C['type']];

  /** Returns the kind of error that the command ends with, or `none`. */
  refusal = (command: Command): Promise<string> =>
    this.ask(command).then(
      () => 'none',
      (error: unknown) => (error instanceof UpdraftError ? error.kind : String(error)),
    );

  capture = (change: ChangeCommand): Promise<Results['capture']> =>
    this.ask({ type: 'capture', requestId: this.name(), collection: 'asks', change });
  put = (id: string, part: object = {}): Promise<Results['capture']> =>
    this.capture({ op: 'put', value: { id, ...part } });
  status = (): Promise<Status> => this.ask({ type: 'status' });
  signIn = (): Promise<null> => this.ask({ type: 'sign-in', credentials: { kind: 'cookie' } });
  sync = (): Promise<Status> => this.ask({ type: 'sync' });

  /** Returns a name that was not used before. */
  name = (): string => `name${++this.#names}`;

  #world(): World {
    const { user, declarations } = this;
    const onBlocked = (): void => void (this.#blocked = store);
    const store =
      this.#blocked ??
      new ReplicaStore(
        `updraft:${user}`,
        declarations,
        { indexedDB: this.indexedDB, IDBKeyRange },
        { onBlocked },
      );
    return {
      user,
      app: '/',
      airflow: '/airflow',
      declarations,
      store,
      mirror: this.mirror,
      queue: {
        peek: async () => [],
        push: async () => undefined,
        remove: async () => undefined,
        register: async () => true,
      },
      transport: {
        carriesPrivate: true,
        exchange: (job, kind) => this.transport.exchange(job, kind),
      },
      calls: NO_CALLS,
      clock: { now: () => this.now, after: () => () => undefined },
      random: { hex: this.name, fraction: () => 0.5 },
      locks: { exclusive: (_name, body) => body() },
      logger: { error: () => undefined, info: () => undefined, debug: () => undefined },
      durability: async () => this.durability,
      isOnline: () => this.isOnline,
      broadcast: (message) => {
        this.broadcasts.push(message);
        if ('events' in message) this.events.push(...message.events);
      },
    };
  }
}

/** For worlds without calls. */
export const NO_CALLS: World['calls'] = { allowed: {}, api: { open: async () => NOTHING } };

const NOTHING = { kind: 'retry', for: 'network' } as const;
const credentials: Credentials = {
  authorize: async () => NOTHING,
  unchecked: async () => NOTHING,
  forget: async () => undefined,
  signIn: async () => undefined,
};
