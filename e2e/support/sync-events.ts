import type { Device } from './device.ts';

/** The browser's own log of Background Sync events, as shown by the developer tools. */
export class SyncEvents {
  readonly #names: string[] = [];

  static async observe(device: Device): Promise<SyncEvents> {
    const events = new SyncEvents();
    device.cdp.on(
      'BackgroundService.backgroundServiceEventReceived',
      ({ backgroundServiceEvent: { eventName } }) => events.#names.push(eventName),
    );
    await device.cdp.send('BackgroundService.startObserving', { service: 'backgroundSync' });
    await device.cdp.send('BackgroundService.setRecording', {
      service: 'backgroundSync',
      shouldRecord: true,
    });
    return events;
  }

  get names(): readonly string[] {
    return this.#names;
  }
}
