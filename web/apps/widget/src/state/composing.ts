/** Does this key press send? Never while an input method composes: Chinese and Japanese typists press Enter to accept a candidate.
 * keyCode 229 is what browsers report while composing when isComposing is already false (Safari ends composition before keydown). */
export function sendsMessage(
  event: Pick<
    KeyboardEvent,
    'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey' | 'isComposing' | 'keyCode'
  >,
): boolean {
  if (event.isComposing || event.keyCode === 229) return false;
  return event.key === 'Enter' && !event.shiftKey && !event.altKey;
}
