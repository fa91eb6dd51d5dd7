/** Everything of the desk that runs while an agent is signed in. */
import { line } from '../../shell/line.svelte.js';
import { notifier } from '../../shell/notify.svelte.js';
import { router } from '../../shell/router.svelte.js';
import { session } from '../../shell/session.svelte.js';
import { startComposers } from './composer.svelte.js';
import { drafts } from './drafts.svelte.js';
import { mentions } from './mentions.svelte.js';
import { desk } from './desk.svelte.js';
import type { Message } from './head.js';
import { offers } from './offers.svelte.js';
import { sending } from './outbox.svelte.js';
import { people } from './people.svelte.js';
import { t } from './words.js';

/** A customer of mine wrote while I look elsewhere. */
async function announce(message: Message): Promise<void> {
  if (message.author.kind !== 'customer') return;
  // The tab that tells may be one that shows no list.
  const head = await desk.find(message.conversation_id);
  if (head?.assignee_id !== session.agentId) return;
  const route = router.route;
  const isOpen = route.page === 'inbox' && route.conversation === message.conversation_id;
  if (isOpen && document.hasFocus()) return;
  const text = {
    title: message.author.name || t('customer_anonymous'),
    body: message.body.slice(0, 140),
    tag: `conversation-${message.conversation_id}`,
  };
  notifier.alert(text, 'message', () =>
    router.go({ page: 'inbox', view: 'mine', conversation: message.conversation_id }),
  );
}

export function startDesk(): () => void {
  const stops = [
    ...people.start(),
    ...desk.start(),
    ...offers.start(),
    ...sending.start(),
    ...drafts.start(),
    ...mentions.start(),
    ...startComposers(),
    desk.listen((event) => {
      if (event.kind === 'message.created') void announce(event.data as unknown as Message);
    }),
  ];
  line.start();
  return () => {
    for (const stop of stops) stop();
    line.stop();
  };
}
