import { unwrap, type Frames } from '@stablehand/api';
import { SvelteSet } from 'svelte/reactivity';
import { line } from '../../shell/line.svelte.js';
import { notifier } from '../../shell/notify.svelte.js';
import { router } from '../../shell/router.svelte.js';
import { session } from '../../shell/session.svelte.js';
import { desk } from './desk.svelte.js';
import { t } from './words.js';

type Mention = Frames.MentionFrame['mention'];
const PAGE = 100;

/** Notes that mention me and that I have not seen, wherever they stand: I need not have the conversation, nor look at it. */
class Mentions {
  count = $state(0);
  /** Conversations with such notes. */
  readonly places = new SvelteSet<string>();

  start(): (() => void)[] {
    return [
      line.on('welcome', (frame) => {
        this.count = frame.mentions_unseen;
        if (frame.mentions_unseen > 0) void this.load();
        else this.places.clear();
      }),
      line.on('mention', (frame) => this.mentioned(frame.mention)),
      line.on('mentions_seen', (frame) => {
        if (frame.conversation_id === null) this.places.clear();
        else this.places.delete(frame.conversation_id);
        void this.load();
      }),
    ];
  }

  /** The conversation is open before my eyes. */
  async seen(id: string): Promise<void> {
    if (!this.places.has(id)) return;
    try {
      const body = { conversation_id: id };
      this.count = (await unwrap(session.api.POST('/api/v1/mentions/seen', { body }))).unseen;
      this.places.delete(id);
    } catch {
      // It stays marked, and is settled when it is opened again.
    }
  }

  private mentioned(mention: Mention): void {
    const id = mention.conversation_id;
    this.count++;
    this.places.add(id);
    desk.mentioned(id);
    const route = router.route;
    if (route.page === 'inbox' && route.conversation === id && document.hasFocus()) return;
    notifier.alert(
      {
        title: t('mentioned_by', { name: mention.author_name }),
        body: mention.preview.slice(0, 140),
        tag: `conversation-${id}`,
      },
      'message',
      () => router.go({ page: 'inbox', view: 'mentions', conversation: id }),
    );
  }

  private async load(): Promise<void> {
    try {
      const query = { unseen: true, limit: PAGE };
      const page = await unwrap(session.api.GET('/api/v1/mentions', { params: { query } }));
      this.count = page.unseen;
      this.places.clear();
      for (const mention of page.items) this.places.add(mention.conversation_id);
    } catch {
      // The next frame or the next life of the line asks again.
    }
  }
}

export const mentions = new Mentions();
