import { unwrap, type Frames } from '@stablehand/api';
import { clock } from '../../shell/clock.svelte.js';
import { line } from '../../shell/line.svelte.js';
import { notifier } from '../../shell/notify.svelte.js';
import { router } from '../../shell/router.svelte.js';
import { session } from '../../shell/session.svelte.js';
import { desk } from './desk.svelte.js';
import type { Conversation } from './head.js';
import { t } from './words.js';

type Offer = Frames.OfferBody;

/** Conversations that the desk offers to me, the oldest first. They end by themselves. */
class Offers {
  all = $state.raw<readonly Offer[]>([]);

  start(): (() => void)[] {
    return [
      line.on('welcome', (frame) => (this.all = frame.offers)),
      line.on('offer', (frame) => this.offered(frame.offer)),
      line.on('offer_gone', (frame) => this.gone(frame.id)),
    ];
  }

  async answer(id: string, accept: boolean): Promise<Conversation | null> {
    const head = await unwrap(
      session.api.POST('/api/v1/offers/{id}', { params: { path: { id } }, body: { accept } }),
    ).finally(() => this.gone(id));
    if (!accept || !head) return null;
    desk.put(head);
    desk.refreshCounts();
    return head;
  }

  gone(id: string): void {
    this.all = this.all.filter((o) => o.id !== id);
  }

  private offered(offer: Offer): void {
    this.all = [...this.all.filter((o) => o.id !== offer.id), offer];
    setTimeout(() => this.gone(offer.id), Math.max(0, Date.parse(offer.expires_at) - clock.now()) + 500);
    const text = {
      title: t('offer_title'),
      body: `${offer.customer_name}: ${offer.preview}`,
      tag: `offer-${offer.id}`,
    };
    notifier.alert(text, 'offer', () => router.go({ page: 'inbox', view: 'mine', conversation: null }));
  }
}

export const offers = new Offers();
