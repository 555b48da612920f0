/** Client of gatherd: asyncio.gather as a service. See README.md. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** What may be passed to a call: data, and plans in it, however deep. */
export type Argument = unknown;

/** One node of a plan. Lazy: it runs when it is awaited, each time anew, as one request. */
export class Plan<T = any> implements PromiseLike<T> {
  private constructor();
  run(options?: RunOptions): Promise<T>;
  /** The children of a gather or map as they end. */
  stream(options?: StreamOptions): AsyncGenerator<Completed>;
  then<A = T, B = never>(fulfilled?: ((value: T) => A | PromiseLike<A>) | null, rejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<A | B>;
  catch<B = never>(rejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<T | B>;
  finally(ended?: (() => void) | null): Promise<T>;
  /** The TASK of the protocol that this stands for. */
  toTask(): { [key: string]: Json };
}

export interface StreamOptions {
  /** An abort cancels the request. */
  signal?: AbortSignal;
  /** Seconds, after which it ends with a TimeoutError. */
  timeout?: number;
  /** A program with a seed draws what CPython draws. */
  seed?: number;
}
export interface RunOptions extends StreamOptions {
  /** Of a gather or map, at most each `progress` seconds (1). */
  onProgress?: (progress: { total: number; done: number; failed: number }) => void;
  progress?: number;
}

export type Results<P extends readonly Plan[]> = { -readonly [I in keyof P]: P[I] extends Plan<infer T> ? T : never };
export type Outcomes<P extends readonly Plan[]> = { -readonly [I in keyof P]: P[I] extends Plan<infer T> ? T | Error : never };

/** The kinds of plans. A client has them as methods; `new Plans()` makes plans that belong to no client. */
export class Plans {
  /** A plan among the arguments is run first: its result is passed. All else is data, which is never run. */
  call<T = any>(name: string, ...args: Argument[]): Plan<T>;
  callNamed<T = any>(name: string, args: { [name: string]: Argument }): Plan<T>;
  value<T>(value: T): Plan<T>;
  /** A plan of the protocol as it is. Never for JSON from others: it is run. */
  fromTask<T = any>(task: object): Plan<T>;
  gather<const P extends readonly Plan[]>(plans: P, options: { returnExceptions: true; limit?: number }): Plan<Outcomes<P>>;
  gather<const P extends readonly Plan[]>(plans: P, options?: { returnExceptions?: false; limit?: number }): Plan<Results<P>>;
  map<T = any>(each: string | ((item: Plan) => Plan<T>), over: Iterable<unknown> | Plan, options: { returnExceptions: true; limit?: number }): Plan<(T | Error)[]>;
  map<T = any>(each: string | ((item: Plan) => Plan<T>), over: Iterable<unknown> | Plan, options?: { returnExceptions?: false; limit?: number }): Plan<T[]>;
  starmap<T = any>(name: string, over: Iterable<Argument[] | { [name: string]: Argument }> | Plan, options?: { returnExceptions?: boolean; limit?: number }): Plan<T[]>;
  taskGroup<const P extends readonly Plan[]>(plans: P): Plan<Results<P>>;
  sequence<const P extends readonly Plan[]>(plans: P): Plan<Results<P>>;
  wait(plans: Iterable<Plan>, options?: { timeout?: number; returnWhen?: ReturnWhen }): Plan<{ done: Map<number, any>; pending: number[] }>;
  waitFor<T>(plan: Plan<T>, timeout: number): Plan<T>;
  race<T>(plans: Iterable<Plan<T>>): Plan<T>;
  any<T>(plans: Iterable<Plan<T>>, options?: { stagger?: number }): Plan<T>;
  shield<T>(plan: Plan<T>): Plan<T>;
  retry<T>(plan: Plan<T>, options: { attempts: number; delay?: number; factor?: number; maxDelay?: number }): Plan<T>;
  toThread<T = any>(name: string, ...args: Argument[]): Plan<T>;
  if<A, B = null>(condition: Plan, then: Plan<A>, otherwise?: Plan<B>): Plan<A | B>;
  let<N extends { [name: string]: Plan }, T>(tasks: N, body: Plan<T> | ((refs: N) => Plan<T>)): Plan<T>;
  ref<T = any>(name: string): Plan<T>;
  try<T, E = never>(plan: Plan<T>, options?: { except?: Plan<E> | ((error: Plan) => Plan<E>); types?: string[]; finally?: Plan }): Plan<T | E>;
}

export type ReturnWhen = 'ALL_COMPLETED' | 'FIRST_COMPLETED' | 'FIRST_EXCEPTION';

/** The end of one child of a gather or map, or of one task. */
export class Completed<T = any> {
  readonly index: number;
  readonly task: Task<T> | Plan<T> | undefined;
  readonly value: T | undefined;
  readonly error: Error | undefined;
  /** What it returned; throws what it raised. */
  result(): T;
}

/** A task that outlives the request that created it. */
export class Task<T = any> {
  private constructor();
  readonly id: string;
  result(options?: { signal?: AbortSignal }): Promise<T>;
  /** Asks it to end; whether it had not ended yet. */
  cancel(message?: string): Promise<boolean>;
  status(): Promise<TaskStatus>;
  forget(): Promise<void>;
}
export interface TaskStatus {
  id: string;
  name: string | null;
  state: 'pending' | 'running' | 'done' | 'failed' | 'cancelled';
  created: number | null;
  started: number | null;
  finished: number | null;
}

export interface ConnectOptions {
  /** What the daemon lets in; or the file whose first line it is. Without: GATHERD_CONNECT_TOKEN_FILE. */
  token?: string;
  tokenFile?: string;
  /** For `tls:`: PEM files. Without: GATHERD_CONNECT_TLS_CA, _TLS_CERTIFICATE, _TLS_KEY. */
  caFile?: string;
  certificate?: string;
  key?: string;
  /** The name in the daemon's certificate, if it is not the host. */
  serverName?: string;
  /** More options of `tls.connect`. */
  tls?: object;
  /** Seconds for one try to connect (10). */
  connectTimeout?: number;
  /** Seconds for which a lost connection is tried again (10); 0: never. */
  reconnect?: number;
  /** Gets each line that plans print; without, standard output; null: dropped. */
  output?: ((text: string) => void) | null;
}

export class Client extends Plans {
  constructor(address?: string, options?: ConnectOptions);
  connect(): Promise<void>;
  close(): Promise<void>;
  /** Any method of the protocol. */
  request(method: string, params?: object, options?: { signal?: AbortSignal; notify?: (method: string, params: any) => void }): Promise<any>;
  run<T>(plan: Plan<T>, options?: RunOptions): Promise<T>;
  stream(plan: Plan, options?: StreamOptions): AsyncGenerator<Completed>;
  createTask<T>(plan: Plan<T>, options?: { name?: string; timeout?: number; seed?: number; detach?: boolean; keep?: number }): Promise<Task<T>>;
  task<T = any>(id: string): Task<T>;
  awaitTasks(tasks: Iterable<Task>, options?: { returnExceptions?: boolean; timeout?: number; signal?: AbortSignal }): Promise<any[]>;
  waitTasks(tasks: Iterable<Task>, options?: { returnWhen?: ReturnWhen; timeout?: number; signal?: AbortSignal }): Promise<{ done: Task[]; pending: Task[] }>;
  asCompleted(tasks: Iterable<Task> | Iterable<Plan>, options?: { signal?: AbortSignal; timeout?: number }): AsyncGenerator<Completed>;
  ping(): Promise<'pong'>;
  info(): Promise<any>;
  functions(): Promise<any[]>;
  stats(): Promise<any>;
  tasks(options?: { state?: string; limit?: number }): Promise<TaskStatus[]>;
  workers(): Promise<any[]>;
}

/** A connected client. `address` is `HOST:PORT`, `unix:/PATH`, or either behind `tls:`; without: GATHERD_CONNECT, else 127.0.0.1:7117. */
export function connect(address?: string, options?: ConnectOptions): Promise<Client>;

export class GatherdError extends Error { code?: number; }
export class ProtocolError extends GatherdError {}
export class PlanRefused extends GatherdError { path?: string; hint?: string; }
export class Overloaded extends GatherdError { retryAfter?: number; }
export class NotPermitted extends GatherdError {}
export class ShuttingDown extends GatherdError {}
export class OverLimit extends GatherdError { limit?: string; max?: any; }
export class NoSuchTask extends GatherdError {}
export class ConnectionLost extends GatherdError {}
/** What a plan raised: `name` is its type, such as `ValueError`. */
export class RemoteError extends Error {
  path?: string;
  items?: number[];
  remoteTraceback?: string;
}
export class GroupError extends AggregateError {
  path?: string;
  items?: number[];
}
