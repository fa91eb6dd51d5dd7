/** What an agent does to a conversation, as one call each. The answer is taken in at once; the event that follows changes nothing more. */
import { unwrap, type Schema } from '@stablehand/api';
import { newClientId } from '@stablehand/core';
import { session } from '../../shell/session.svelte.js';
import { desk } from './desk.svelte.js';
import type { Conversation } from './head.js';

const key = () => ({ 'Idempotency-Key': newClientId() });

async function taken(call: Promise<Conversation>): Promise<Conversation> {
  const head = await call;
  desk.put(head);
  desk.refreshCounts();
  return head;
}

export function setState(
  id: string,
  state: Schema['ConversationState'],
  snoozedUntil: string | null = null,
): Promise<Conversation> {
  const body = state === 'snoozed' ? { state, snoozed_until: snoozedUntil } : { state };
  return taken(
    unwrap(
      session.api.POST('/api/v1/conversations/{id}/state', { params: { path: { id }, header: key() }, body }),
    ),
  );
}

export function assign(
  id: string,
  to: { agent_id?: string | null; team_id?: string | null },
): Promise<Conversation> {
  const body = { agent_id: null, team_id: null, ...to };
  return taken(
    unwrap(
      session.api.POST('/api/v1/conversations/{id}/assignment', {
        params: { path: { id }, header: key() },
        body,
      }),
    ),
  );
}

type HeadPatch = Partial<Pick<Conversation, 'priority' | 'topic' | 'language' | 'tags'>>;

export function patchHead(head: Conversation, body: HeadPatch): Promise<Conversation> {
  const header = { 'If-Match': etag(head.version) };
  return taken(
    unwrap(
      session.api.PATCH('/api/v1/conversations/{id}', { params: { path: { id: head.id }, header }, body }),
    ),
  );
}

/** How versions are written in If-Match. */
export function etag(version: number): string {
  return `"v${version}"`;
}

export function fileUrl(id: string, inline = false): string {
  return `/api/v1/files/${id}${inline ? '?inline=true' : ''}`;
}
