import type { Conflict } from '../shared/conflict.ts';
import { BROADCAST_CHANNEL, type AuthReason, type Broadcast, type LoggedEvent, type Snapshot } from '../shared/messages.ts';
import type { DeadLetter, Settled } from '../shared/row.ts';
import type { Status } from '../shared/status.ts';
import type { Settling } from './settling.ts';
import type { WorkerLink } from './worker-link.ts';

/** What an app can listen to. An empty list of ids in `change` says: many, or some were missed; read again. */
export interface EventHandlers {
  change: (change: { readonly collection: string; readonly ids: readonly string[] }) => void;
  status: (status: Status) => void;
  conflict: (conflict: Conflict) => void;
  settled: (settled: Settled) => void;
  'auth-required': (required: { readonly reason: AuthReason }) => void;
  'dead-letter': (deadLetter: DeadLetter) => void;
}
export type EventName = keyof EventHandlers;

export interface Events {
  readonly on: <N extends EventName>(name: N, handler: EventHandlers[N]) => () => void;
  readonly cursor: () => number;
  readonly start: () => Promise<void>;
  readonly close: () => void;
}

const HEARTBEAT_MS = 20_000;
/** An idle visible page looks for news this often, in heartbeats: five minutes. */
const IDLE_BEATS = 15;

/**
 * Events come by broadcast; what a page missed (loading, frozen, worker killed before it could tell) comes by cursor with the next wake-up,
 * so that none is lost and none is told twice. Wake-ups: the browser is online again, the page is visible again, and a heartbeat while work is left.
 */
export function createEvents(link: WorkerLink, settling: Settling, { user, since }: { user: string; since?: number }, { onTokenMissing }: { onTokenMissing: () => void }): Events {
  const handlers: { [N in EventName]: Set<EventHandlers[N]> } = { change: new Set(), status: new Set(), conflict: new Set(), settled: new Set(), 'auth-required': new Set(), 'dead-letter': new Set() };
  const channel = new BroadcastChannel(BROADCAST_CHANNEL);
  const stopped = new AbortController();
  let cursor: number | undefined = since;
  let status: Status | undefined;

  const call = <T>(set: Set<(value: T) => void>, value: T): void => set.forEach((handler) => handler(value));
  const tellStatus = (now: Status): void => call(handlers.status, (status = now));
  const tell = (event: LoggedEvent): void => {
    if (cursor !== undefined && event.cursor <= cursor) return;
    cursor = event.cursor;
    switch (event.type) {
      case 'change':
        return call(handlers.change, event);
      case 'settled':
        settling.settle(event.settled);
        return call(handlers.settled, event.settled);
      case 'conflict':
        return call(handlers.conflict, event.conflict);
      case 'dead-letter':
        return call(handlers['dead-letter'], event.deadLetter);
      case 'auth-required':
        if (event.reason === 'missing') onTokenMissing();
        return call(handlers['auth-required'], { reason: event.reason });
    }
  };
  const catchUp = ({ events, status: now, cursor: newest, complete }: Snapshot): void => {
    if (!complete) call(handlers.change, { collection: '*', ids: [] });
    events.forEach(tell);
    cursor = Math.max(cursor ?? 0, newest);
    tellStatus(now);
  };
  const wake = (reason: 'online' | 'visible' | 'heartbeat'): void => {
    if (!stopped.signal.aborted) link.ask({ type: 'wake', reason, cursor: cursor ?? 0 }).then(catchUp, () => undefined);
  };

  return {
    on(name, handler) {
      handlers[name].add(handler);
      return () => handlers[name].delete(handler);
    },
    cursor: () => cursor ?? 0,
    async start() {
      const early: Broadcast[] = [];
      let receive = (message: Broadcast): void => void early.push(message);
      channel.onmessage = ({ data }: MessageEvent<Broadcast>) => {
        if (data.user === user) receive(data);
      };
      const hello = await link.ask({ type: 'hello' });
      // Without a cursor an app starts from now; with one it is told what it missed.
      if (since === undefined) cursor = hello.cursor;
      tellStatus(hello.status);
      receive = (message) => ('event' in message ? gapless(message.event) : tellStatus(message.status));
      early.forEach(receive);
      if (since !== undefined) wake('visible');
      addEventListener('online', () => wake('online'), stopped);
      document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake('visible'), stopped);
      let beats = 0;
      const beat = setInterval(() => {
        const isBusy = settling.isWaiting() || !status || status.unsent > 0 || !status.ready;
        if (document.visibilityState === 'visible' && (isBusy || ++beats % IDLE_BEATS === 0)) wake('heartbeat');
      }, HEARTBEAT_MS);
      stopped.signal.addEventListener('abort', () => clearInterval(beat));
    },
    close() {
      stopped.abort();
      channel.close();
    },
  };

  /** A broadcast that does not follow the last one means that some were missed: ask for them, in order. */
  function gapless(event: LoggedEvent): void {
    if (cursor !== undefined && event.cursor > cursor + 1) wake('heartbeat');
    else tell(event);
  }
}
