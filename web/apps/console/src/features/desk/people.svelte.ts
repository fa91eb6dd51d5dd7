import { unwrap, type Schema } from '@stablehand/api';
import { SvelteMap } from 'svelte/reactivity';
import { line } from '../../shell/line.svelte.js';
import { session } from '../../shell/session.svelte.js';

export type Agent = Schema['Agent'];
export type Presence = Schema['Presence'];
export type Team = Schema['Team'];

const LOADS_DELAY_MS = 1_500;

/** The colleagues: names, teams, and who is there now. */
class People {
  agents = $state.raw<readonly Agent[]>([]);
  teams = $state.raw<readonly Team[]>([]);
  readonly presence = new SvelteMap<string, Presence>();

  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly active = $derived(this.agents.filter((a) => a.is_active));
  readonly mine = $derived(this.presence.get(session.agentId));

  start(): (() => void)[] {
    void this.load();
    return [
      line.on('welcome', (frame) => frame.presence.forEach((p) => this.presence.set(p.agent_id, p))),
      line.on('presence', (frame) => this.presence.set(frame.presence.agent_id, frame.presence)),
      line.on('resync', () => void this.load()),
      // Loads change with conversations; the server tells of presence only.
      line.on('event', (frame) => frame.event.kind.startsWith('conversation.') && this.refreshSoon()),
      () => clearTimeout(this.timer),
    ];
  }

  async load(): Promise<void> {
    try {
      const [agents, teams] = await Promise.all([
        unwrap(session.api.GET('/api/v1/agents')),
        unwrap(session.api.GET('/api/v1/teams')),
      ]);
      this.agents = agents.items;
      this.teams = teams.items;
    } catch {
      // Names are a comfort; pages that need the lists load them and say what failed.
    }
  }

  private refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      void unwrap(session.api.GET('/api/v1/presence')).then(
        (all) => all.items.forEach((p) => this.presence.set(p.agent_id, p)),
        () => undefined,
      );
    }, LOADS_DELAY_MS);
  }

  name(id: string | null): string {
    return this.agents.find((a) => a.id === id)?.name ?? '';
  }

  team(id: string | null): string {
    return this.teams.find((x) => x.id === id)?.name ?? '';
  }

  async setPresence(status: Presence['status'], reason = ''): Promise<void> {
    const mine = await unwrap(session.api.PUT('/api/v1/presence', { body: { status, reason } }));
    this.presence.set(mine.agent_id, mine);
  }
}

export const people = new People();
