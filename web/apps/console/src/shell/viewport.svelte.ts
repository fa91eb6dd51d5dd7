import { MediaQuery } from 'svelte/reactivity';

const narrow = new MediaQuery('max-width: 899px');
const phone = new MediaQuery('max-width: 640px');
const wide = new MediaQuery('min-width: 1240px');
const roomy = new MediaQuery('min-width: 1400px');

/** How much room there is: one pane on `narrow`, the customer beside the conversation from `wide` on, words beside the icons from `roomy` on. */
export const viewport = {
  get narrow() {
    return narrow.current;
  },
  get phone() {
    return phone.current;
  },
  get wide() {
    return wide.current;
  },
  get roomy() {
    return roomy.current;
  },
};
