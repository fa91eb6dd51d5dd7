import '@stablehand/ui/tokens.css';
import '@stablehand/ui/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { locale } from './shell/locale.svelte.js';
import { router } from './shell/router.svelte.js';
import { session } from './shell/session.svelte.js';
import { shortcuts } from './shell/shortcuts.svelte.js';
import { tabs } from './shell/tabs.svelte.js';
import { theme } from './shell/theme.svelte.js';

theme.start();
locale.start();
router.start();
tabs.start();
shortcuts.start();
void session.start();

const target = document.getElementById('app');
if (target) mount(App, { target });
