/**
 * Number of this run of the suite, for runs in parallel, each with an Airflow, ports and networks
 * of its own; 0: the only run.
 */
export const lane = Number(process.env['UPDRAFT_E2E_LANE'] ?? 0);

/**
 * First port of each server of the tests. A server looks for a free port from there on, and a port
 * may be taken between the look and the start: no two servers, nor two lanes, share a range of 20.
 */
const PORTS = {
  site: 5300,
  webDriver: 5320,
  otherBrowsers: 5340,
  otherProtocol: 5360,
  declarations: 5380,
  twoApps: 5400,
  pack: 5420,
  bindings: 5440,
} as const;

/** Returns the first port of a server of the tests in this lane. */
export const portOf = (server: keyof typeof PORTS): number => PORTS[server] + 200 * lane;
