/**
 * Returns the app's URL under this machine's other name: another origin, so another database,
 * worker and cookie, as on a second device.
 */
export function secondDeviceUrl(href: string): string | undefined {
  const url = new URL(href);
  if (url.hostname !== 'localhost' && url.hostname !== '127.0.0.1') return undefined;
  url.hostname = url.hostname === 'localhost' ? '127.0.0.1' : 'localhost';
  url.pathname = '/';
  url.search = url.hash = '';
  return url.href;
}
