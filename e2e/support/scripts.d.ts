// The functions of scripts/ that the tests use; scripts/ is JavaScript with types in comments.
declare module '*/scripts/lib/serve.mjs' {
  import type { IncomingMessage, ServerResponse } from 'node:http';
  export function serveDemo(options: {
    airflowUrl: string | (() => string);
    port?: number;
    dir: string;
    intercept?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
  }): Promise<{ url: string; port: number; close: () => Promise<void> }>;
}
declare module '*/scripts/lib/browsers.mjs' {
  export function whichTool(
    tool: 'firefox-esr' | 'WebKitWebDriver' | 'MiniBrowser' | 'Xvfb',
  ): Promise<string | undefined>;
}
declare module '*/scripts/lib/ports.mjs' {
  export function freePort(wanted: number): Promise<number>;
}
declare module '*/scripts/lib/tools.mjs' {
  export function findChromium(): Promise<string | undefined>;
}
declare module '*/scripts/lib/demo-build.mjs' {
  export function buildDemo(options?: { mode?: string }): Promise<string>;
}
declare module '*/scripts/lib/airflow-server.mjs' {
  export interface AirflowStatus {
    readonly running: boolean;
    readonly airflowUrl: string;
    readonly apiUrl: string;
    readonly uiUrl: string;
    readonly storeUri: string;
    readonly demoUri: string;
    readonly metadataUri: string;
    readonly stateDir: string;
    readonly logs: string;
    readonly pids: readonly number[];
    readonly users: readonly {
      readonly name: string;
      readonly password: string;
      readonly role: string;
    }[];
  }
  export function startAirflow(options?: {
    state?: string;
    port?: number;
    fresh?: boolean;
    say?: (line: string) => void;
  }): Promise<AirflowStatus>;
  export function stopAirflow(options?: {
    state?: string;
    keepPostgres?: boolean;
    atOnce?: boolean;
  }): Promise<AirflowStatus>;
  export function airflowStatus(options?: { state?: string }): Promise<AirflowStatus>;
}
declare module '*/scripts/lib/paths.mjs' {
  export const root: string;
  export const stateRoot: string;
  export const python: string;
  export const demoDist: string;
}
