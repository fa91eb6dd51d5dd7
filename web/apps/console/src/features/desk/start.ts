/** Everything of the desk that runs while an agent is signed in. */
import { line } from '../../shell/line.svelte.js';
import { notifier } from '../../shell/notify.svelte.js';
import { router } from '../../shell/router.svelte.js';
import { session } from '../../shell/session.svelte.js';
import { startComposers } from './composer.svelte.js';
import { desk } from './desk.svelte.js';
import type { Message } from './head.js';
import { offers } from './offers.svelte.js';
import { sending } from './outbox.svelte.js';
import { people } from './people.svelte.js';
import { t } from './words.js';

/** A customer of mine wrote, or a colleague mentioned me, while I look elsewhere. */
function announce(message: Message): void {
  const head = desk.heads.get(message.conversation_id);
  const isMine = message.author.kind === 'customer' && head?.assignee_id === session.agentId;
  const isOwn = message.author.kind === 'agent' && message.author.id === session.agentId;
  const isMention = message.mentions.includes(session.agentId) && !isOwn;
  if (!isMine && !isMention) return;
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
    startComposers(),
    desk.listen((event) => {
      if (event.kind === 'message.created') announce(event.data as unknown as Message);
    }),
  ];
  line.start();
  return () => {
    for (const stop of stops) stop();
    line.stop();
  };
}
