/** What stands in the list under a trigger. */
import { pickLanguage } from '@stablehand/core';
import { session } from '../../shell/session.svelte.js';
import type { Conversation } from './head.js';
import { roleName } from '../identity/words.js';
import { library } from './library.svelte.js';
import { people } from './people.svelte.js';
import { fillVariables, type Trigger } from './suggest.js';

export interface Suggestion {
  id: string;
  title: string;
  detail: string;
  insert: string;
}

/** A greeting without a name still greets somebody. */
const STRANGER = { en: 'there', 'zh-CN': '用户' };

function variables(head: Conversation | undefined): Record<string, string | undefined> {
  return {
    'customer.name': head?.customer.name || undefined,
    'customer.email': head?.customer.email,
    'customer.uid': head?.customer.uid ?? undefined,
    'customer.tier': head?.customer.tier,
    'agent.name': session.me?.agent.name,
    'conversation.id': head?.id,
    brand: session.brand,
  };
}

export async function suggestionsFor(
  trigger: Trigger,
  head: Conversation | undefined,
): Promise<Suggestion[]> {
  const language = pickLanguage([head?.language ?? 'en']);
  if (trigger.kind === 'canned') {
    await library.load();
    const values = variables(head);
    return library.find(trigger.query, language).map((c) => {
      const insert = fillVariables(fillVariables(c.body, values), {
        'customer.name': STRANGER[pickLanguage([c.language])],
      });
      return { id: c.id, title: `/${c.shortcut} · ${c.title}`, detail: insert, insert };
    });
  }
  if (trigger.kind === 'mention') {
    const q = trigger.query.toLowerCase();
    return people.active
      .filter((a) => a.id !== session.agentId && a.name.toLowerCase().includes(q))
      .slice(0, 8)
      .map((a) => ({ id: a.id, title: a.name, detail: roleName({ name: a.role }), insert: `@${a.name} ` }));
  }
  const articles = await library.articles(trigger.query, language);
  return articles.map((a) => ({
    id: a.slug,
    title: a.title,
    detail: a.summary,
    insert: `[${a.title.replace(/[[\]]/g, '')}](${new URL(a.url, location.origin).href}) `,
  }));
}
