import type { Events } from '../client/events.ts';
import type { Handlers } from '../client/handlers.ts';
import type { Settling } from '../client/settling.ts';
import type { WorkerLink } from '../client/worker-link.ts';
import type { Broadcast, LoggedEvent } from '../shared/messages.ts';
import { newerStatus, type Status } from '../shared/status.ts';
import type { TestDevice } from './device.ts';

interface Deps {
  readonly device: TestDevice;
  readonly user: string;
  readonly link: WorkerLink;
  readonly settling: Settling;
  readonly handlers: Handlers;
}

/** Events of a worker in the same process, where no message is missed. */
export class DirectEvents implements Events {
  readonly #deps: Deps;
  #stop: (() => void) | undefined;
  #log = '';
  #cursor = 0;
  #status: Status | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  cursor = (): string => `${this.#log}:${this.#cursor}`;

  newest = (arrived: Status): Status => (this.#status = newerStatus(this.#status, arrived));

  async start(): Promise<void> {
    const { device, link, settling } = this.#deps;
    const early: Broadcast[] = [];
    this.#stop = device.hear((message) => early.push(message));
    const hello = await link.ask({ type: 'hello' });
    this.#log = hello.log;
    this.#cursor = hello.cursor;
    settling.begin(hello.log);
    this.newest(hello.status);
    this.#stop();
    for (const message of early) this.#receive(message);
    this.#stop = device.hear((message) => this.#receive(message));
  }

  close = (): void => this.#stop?.();

  #receive(message: Broadcast): void {
    const { user, handlers, settling } = this.#deps;
    if (message.user !== user) return;
    if ('status' in message) return handlers.status(this.newest(message.status));
    if ('notice' in message) return this.#notice(message.notice);
    if (message.log !== this.#log) {
      this.#log = message.log;
      this.#cursor = 0;
      settling.begin(message.log);
    }
    for (const event of message.events) this.#tell(event);
  }

  #notice(notice: string): void {
    const { handlers } = this.#deps;
    if (notice === 'storage-blocked') return handlers.storageBlocked();
    handlers.signedOut({ kept: notice === 'signed-out' });
    if (notice === 'wiped') this.close();
    else handlers.readAgain();
  }

  #tell(event: LoggedEvent): void {
    if (event.cursor <= this.#cursor) return;
    this.#cursor = event.cursor;
    if (event.type === 'settled') this.#deps.settling.settle(event.settled);
    this.#deps.handlers.event(event);
  }
}
