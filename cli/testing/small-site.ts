import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { COLLECTIONS, type Asked, type File, type Plant } from './plant.ts';
import { SmallAirflow } from './small-airflow.ts';

const PAGE =
  '<!doctype html><html lang="en"><title>Field</title>' +
  '<script type="module" src="/assets/app.js"></script></html>';
const WELL: Readonly<Record<string, File>> = {
  '/': { body: PAGE, type: 'text/html; charset=utf-8' },
  '/assets/app.js': { body: 'connect({worker:"/updraft-sw.js",user:"ana"})' },
  '/updraft-sw.js': { body: '(()=>{/* updraft */})();' },
  '/collections.json': { body: JSON.stringify(COLLECTIONS), type: 'application/json' },
};

/** A small app with an Airflow behind it, on loopback, with one fault or none. */
export class SmallSite {
  readonly #servers: Server[] = [];
  url = '';
  airflowUrl = '';

  static async start(plant: Plant = {}): Promise<SmallSite> {
    const site = new SmallSite();
    const files = { ...WELL, ...plant.files };
    const airflow = new SmallAirflow(plant);
    site.url = await site.#listen((asked, response) =>
      asked.path.startsWith('/airflow') && !plant.twoOrigins
        ? airflow.answer(asked, response)
        : serve(files[asked.path], response),
    );
    site.airflowUrl = plant.twoOrigins
      ? `${await site.#listen((asked, to) => airflow.answer(asked, to, site.url))}/airflow`
      : `${site.url}/airflow`;
    return site;
  }

  async #listen(answer: (asked: Asked, response: ServerResponse) => void): Promise<string> {
    const server = createServer((request, response) => {
      void readAsked(request).then(
        (asked) => answer(asked, response),
        () => response.destroy(),
      );
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

async function readAsked(request: IncomingMessage): Promise<Asked> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return {
    method: request.method ?? 'GET',
    path: new URL(request.url ?? '/', 'http://localhost').pathname,
    headers: { ...request.headers } as Record<string, string>,
    body: Buffer.concat(parts),
  };
}

function serve(file: File | undefined, response: ServerResponse): void {
  const {
    body,
    type = 'text/javascript',
    status = 200,
    headers = {},
  } = file ?? {
    body: 'Not found',
    type: 'text/plain',
    status: 404,
  };
  response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}
