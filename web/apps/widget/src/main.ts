import { mount } from 'svelte';

import '@stablehand/ui/tokens.css';
import '@stablehand/ui/base.css';
import App from './App.svelte';
import { startTheme } from './state/theme.js';
import { Widget } from './state/widget.svelte.js';
import { loadWords } from './words/index.js';

startTheme();
const query = new URLSearchParams(location.search);
const widget = new Widget({
  inbox: query.get('inbox') ?? '',
  origin: query.get('origin') ?? '',
  locale: query.get('locale') ?? '',
});
document.documentElement.lang = widget.language;
widget.start();
await loadWords(widget.language);
mount(App, { target: document.getElementById('app')!, props: { widget } });
