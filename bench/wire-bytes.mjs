/** Counts every byte between the browser and the server, headers included. */
export class WireBytes {
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();

  /**
   * For `serveDemo`: sees each request and answers none.
   * @param {import('node:http').IncomingMessage} request
   */
  intercept = ({ socket }) => {
    this.#sockets.add(socket);
    return false;
  };

  /** Bytes both ways since the first request. */
  get total() {
    return [...this.#sockets].reduce(
      (sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten,
      0,
    );
  }
}
