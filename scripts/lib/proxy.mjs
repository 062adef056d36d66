import { Agent, request as send } from 'node:http';

// No connection is reused: a connection that Airflow closed meanwhile would fail a request that
// never reached Airflow.
const agent = new Agent({ keepAlive: false });
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Passes request and answer on in pieces: nothing is buffered, so that `/wait` can stream. The Host
 * header stays the browser's: Airflow builds redirects from that header. An answer cut off on the
 * way is cut off for the browser too, never closed as if complete.
 * @param {string} airflowUrl
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
export function proxyTo(airflowUrl, request, response) {
  const { hostname, port } = new URL(airflowUrl);
  const upstream = send({
    agent,
    hostname,
    port,
    method: request.method,
    path: request.url,
    headers: endToEnd(request.headers),
  });
  upstream.setNoDelay(true);
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.on('aborted', () => response.destroy());
    answer.pipe(response);
  });
  upstream.on('error', () => {
    if (response.headersSent) response.destroy();
    else
      response
        .writeHead(502, {
          'content-type': 'text/plain; charset=utf-8',
          'cache-control': 'no-store',
        })
        .end('Airflow cannot be reached\n');
  });
  response.on('close', () => upstream.destroy());
  request.on('error', () => upstream.destroy());
  request.pipe(upstream);
}

/** @param {import('node:http').IncomingHttpHeaders} headers */
function endToEnd(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
