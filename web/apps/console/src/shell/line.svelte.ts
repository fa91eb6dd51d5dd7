import { ResumingSocket, type Frames, type SocketStatus } from '@stablehand/api';
import { clock } from './clock.svelte.js';
import { session } from './session.svelte.js';
import { tabId } from './tabs.svelte.js';

type Frame = Frames.ToAgent;
type Kind = Frame['t'];
type FrameOf<K extends Kind> = Extract<Frame, { t: K }>;
type Listener = (frame: Frame) => void;

const ACTIVITY_EVERY_MS = 60_000;

function address(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/socket`;
}

/** The one socket of this tab. Rooms listen for kinds of frames; nobody else touches the socket. */
class Line {
  status = $state<SocketStatus>('stopped');
  retryAt = $state(0);
  /** How often the line has come to life: whatever must be said anew after a cut depends on it. */
  lives = $state(0);
  private socket: ResumingSocket<Frames.FromAgent, Frame> | null = null;
  private lastEventId: string | null = null;
  private lastActivity = 0;
  private readonly listeners = new Map<Kind, Set<Listener>>();

  start(): void {
    if (this.socket) return;
    this.socket = new ResumingSocket<Frames.FromAgent, Frame>({
      url: address,
      hello: () =>
        session.me && { t: 'hello', csrf_token: session.me.csrf_token, have: this.lastEventId, tab: tabId },
      onFrame: (frame) => this.receive(frame),
      onStatus: (status, retryInMs) => this.changed(status, retryInMs),
      onRefused: () => session.lost(),
    });
    this.socket.start();
    addEventListener('online', this.nudge);
    document.addEventListener('visibilitychange', this.nudge);
    for (const name of ['pointerdown', 'keydown']) addEventListener(name, this.active, { passive: true });
  }

  stop(): void {
    this.socket?.stop();
    this.socket = null;
    this.lastEventId = null;
    removeEventListener('online', this.nudge);
    document.removeEventListener('visibilitychange', this.nudge);
    for (const name of ['pointerdown', 'keydown']) removeEventListener(name, this.active);
  }

  /** Returns the function that stops listening. */
  on<K extends Kind>(kind: K, listener: (frame: FrameOf<K>) => void): () => void {
    const all = this.listeners.get(kind) ?? new Set();
    this.listeners.set(kind, all);
    all.add(listener as Listener);
    return () => all.delete(listener as Listener);
  }

  send(frame: Frames.FromAgent): boolean {
    return this.socket?.send(frame) ?? false;
  }

  nudge = (): void => {
    if (document.visibilityState === 'visible') this.socket?.nudge();
  };

  private active = (): void => {
    if (Date.now() - this.lastActivity < ACTIVITY_EVERY_MS) return;
    if (this.send({ t: 'activity' })) this.lastActivity = Date.now();
  };

  private changed(status: SocketStatus, retryInMs: number): void {
    this.status = status;
    this.retryAt = Date.now() + retryInMs;
    if (status === 'live') this.lives++;
  }

  private receive(frame: Frame): void {
    if (frame.t === 'welcome') {
      clock.sync(frame.now);
      this.lastEventId ??= frame.last_event_id;
    } else if (frame.t === 'resync') {
      this.lastEventId = frame.last_event_id;
    }
    for (const listener of this.listeners.get(frame.t) ?? []) listener(frame);
    // Only what has been taken in counts as had; the answer to a `view` tells what is long past.
    if (frame.t === 'event' && Number(frame.event.id) > Number(this.lastEventId ?? 0))
      this.lastEventId = frame.event.id;
  }
}

export const line = new Line();
