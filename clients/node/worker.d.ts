/** Worker of gatherd: offers functions of a Node program to plans. */

export interface Param {
  name: string;
  default?: unknown;
  optional?: boolean;
  variadic?: boolean;
  type?: string;
  help?: string;
}
export interface Offered {
  run: (...args: any[]) => unknown;
  summary?: string;
  params?: Param[];
  /** Whether a call may be run again if its worker is lost. */
  idempotent?: boolean;
  /** Seconds that one call may take. */
  timeout?: number;
  /** Calls of this function at once. */
  concurrency?: number;
}
export interface ServeOptions {
  address?: string;
  token?: string;
  tokenFile?: string;
  caFile?: string;
  serverName?: string;
  /** Calls at once (100); 1 for functions that compute, since Node runs one at a time. */
  concurrency?: number;
  name?: string;
  version?: string;
  /** An abort takes no more calls; what is in flight ends first. */
  signal?: AbortSignal;
}
/** Serves functions until the daemon, SIGTERM or `signal` ends it. */
export function serve(functions: { [name: string]: Offered | ((...args: any[]) => unknown) }, options?: ServeOptions): Promise<void>;
/** The call that runs: `signal` is aborted when it is cancelled, `print` sends text to its caller, `traceparent` is that of the request. */
export function call(): { signal: AbortSignal; print: (text: string) => void; traceparent?: string } | undefined;
