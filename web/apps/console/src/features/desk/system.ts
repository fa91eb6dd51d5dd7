/** What a system message says, in the reader's language. */
import { t } from './words.js';
import type { Message } from './head.js';

const REASONS = {
  customer_asked: 'reason_customer_asked',
  money_at_risk: 'reason_money_at_risk',
  misses: 'reason_misses',
  repeated: 'reason_repeated',
  abuse: 'reason_abuse',
  attachment: 'reason_attachment',
  error: 'reason_error',
  bot_off: 'reason_bot_off',
} as const;

export function systemText(message: Message): string {
  const event = message.meta?.event ?? '';
  const params = message.meta?.params ?? {};
  const agent = params.agent ?? params.agent_name ?? params.name ?? '';
  switch (event) {
    case 'handover': {
      const reason = REASONS[(params.reason ?? '') as keyof typeof REASONS];
      return reason ? t('event_handover_reason', { reason: t(reason) }) : t('event_handover');
    }
    case 'assigned':
    case 'accepted':
      return agent ? t('event_assigned', { agent }) : t('event_unassigned');
    case 'unassigned':
    case 'requeued':
    case 'queued':
      return t('event_unassigned');
    case 'joined':
      return t('event_joined', { agent });
    case 'resolved':
      return agent ? t('event_resolved_by', { agent }) : t('event_resolved');
    case 'reopened':
      return t('event_reopened');
    case 'snoozed':
      return t('event_snoozed');
    case 'woken':
    case 'unsnoozed':
      return t('event_woken');
    case 'waiting':
      return t('event_waiting');
    case 'ended':
      return t('event_ended');
    case 'signed_in':
      return t('event_signed_in');
    case 'continued_elsewhere':
      return t('event_continued');
    default:
      return message.body || t('event_other', { event });
  }
}
