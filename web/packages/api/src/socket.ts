/** A WebSocket that comes back: backs off with jitter, says hello with what the client has, and notices a dead line after sleep.
 *
 * It keeps no messages: what must not be lost lives in the outbox (packages/core) and is sent again after `live`. */

export type SocketStatus = 'connecting' | 'live' | 'waiting' | 'stopped';

export interface SocketOptions<From, To extends { t: string }> {
  url: () => string;
  /** Built anew for each connection: says what the client holds now. null: not ready (e.g. signed out), try later. */
  hello: () => From | null;
  onFrame: (frame: To) => void;
  onStatus?: (status: SocketStatus, retryInMs: number) => void;
  /** Close codes that mean "do not come back" (e.g. 4003). */
  onRefused?: (code: number) => void;
  makeSocket?: (url: string) => WebSocket;
  random?: () => number;
}

const FIRST_RETRY_MS = 500;
/** Kept up for about ten seconds, in which a database finds itself another leader and a node is started again; then slower and slower. */
const STEADY_RETRY_MS = 2_000;
const STEADY_ATTEMPTS = 8;
const MAX_RETRY_MS = 15_000;
const PING_EVERY_MS = 20_000;
const PONG_WITHIN_MS = 8_000;
const NOT_SIGNED_IN = 4003;
const FELL_BEHIND = 4008;

export class ResumingSocket<From extends { t: string }, To extends { t: string }> {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setInterval> | undefined;
  private pongTimer: ReturnType<typeof setTimeout> | undefined;
  private current: SocketStatus = 'stopped';

  constructor(private readonly options: SocketOptions<From, To>) {}

  get status(): SocketStatus {
    return this.current;
  }

  start(): void {
    if (this.current !== 'stopped') return;
    this.attempt = 0;
    this.connect();
  }

  stop(): void {
    this.setStatus('stopped');
    this.dropSocket();
    clearTimeout(this.retryTimer);
  }

  /** False when it could not be handed to the line now; the caller's outbox keeps it. */
  send(frame: From): boolean {
    if (this.current !== 'live' || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** Look at once: the page woke up, the network is back, the person pressed "retry". */
  nudge(): void {
    if (this.current === 'stopped') return;
    if (this.current === 'waiting') {
      clearTimeout(this.retryTimer);
      this.attempt = 0;
      this.connect();
    } else if (this.current === 'live') {
      this.ping();
    }
  }

  private connect(): void {
    const hello = this.options.hello();
    this.setStatus('connecting');
    if (!hello) {
      this.scheduleRetry();
      return;
    }
    const make = this.options.makeSocket ?? ((url: string) => new WebSocket(url));
    const socket = make(this.options.url());
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(hello));
    socket.onmessage = (e: MessageEvent) => {
      if (socket === this.socket) this.receive(e.data);
    };
    socket.onclose = (e: CloseEvent) => {
      if (socket === this.socket) this.closed(e.code);
    };
    // A line that neither opens nor fails would hang for minutes.
    this.expectPong();
  }

  private receive(data: unknown): void {
    clearTimeout(this.pongTimer);
    if (typeof data !== 'string') return;
    let frame: To;
    try {
      frame = JSON.parse(data) as To;
    } catch {
      return;
    }
    if (frame.t === 'live') {
      this.attempt = 0;
      this.setStatus('live');
      this.pingTimer ??= setInterval(() => this.ping(), PING_EVERY_MS);
    }
    if (frame.t !== 'pong') this.options.onFrame(frame);
  }

  private ping(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send('{"t":"ping"}');
    this.expectPong();
  }

  private expectPong(): void {
    clearTimeout(this.pongTimer);
    this.pongTimer = setTimeout(() => this.closed(1006), PONG_WITHIN_MS);
  }

  private closed(code: number): void {
    this.dropSocket();
    if (this.current === 'stopped') return;
    if (code === NOT_SIGNED_IN) {
      this.setStatus('stopped');
      this.options.onRefused?.(code);
      return;
    }
    if (code === FELL_BEHIND) this.attempt = 0;
    this.scheduleRetry();
  }

  private scheduleRetry(): void {
    const random = this.options.random ?? Math.random;
    const early = Math.min(STEADY_RETRY_MS, FIRST_RETRY_MS * 2 ** this.attempt);
    const late = STEADY_RETRY_MS * 2 ** (this.attempt - STEADY_ATTEMPTS + 1);
    const ceiling = this.attempt < STEADY_ATTEMPTS ? early : Math.min(MAX_RETRY_MS, late);
    const delay = ceiling / 2 + random() * (ceiling / 2);
    this.attempt++;
    this.setStatus('waiting', delay);
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.connect(), delay);
  }

  private dropSocket(): void {
    clearInterval(this.pingTimer);
    clearTimeout(this.pongTimer);
    this.pingTimer = undefined;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private setStatus(status: SocketStatus, retryInMs = 0): void {
    this.current = status;
    this.options.onStatus?.(status, retryInMs);
  }
}
