import { describe, expect, test } from 'vitest';
import { TELLS_NEWS, TRANSPORT_NAMES } from './transports.ts';
import { isLive } from './status.ts';
import { IDLE } from './test-status.ts';

describe('a page hears of news by itself', () => {
  test.each(TRANSPORT_NAMES)('as the status says, whatever the transport: %s', (via) => {
    expect(isLive({ ...IDLE, via, live: true })).toBe(true);
    expect(isLive({ ...IDLE, via, live: false })).toBe(false);
  });
  test.each(TRANSPORT_NAMES)('as the transport lets it, by an earlier worker: %s', (via) => {
    expect(isLive({ ...IDLE, via })).toBe(TELLS_NEWS[via]);
  });
  test('not before the first exchange', () => {
    expect(isLive(IDLE)).toBe(false);
  });
});
