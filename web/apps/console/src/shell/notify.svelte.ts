import { session } from './session.svelte.js';
import { tabs } from './tabs.svelte.js';

type Permission = 'unsupported' | 'default' | 'granted' | 'denied';

let audio: AudioContext | null = null;

/** Two short notes; made here, so that no file has to be loaded. */
function tone(notes: readonly number[]): void {
  audio ??= new AudioContext();
  const start = audio.currentTime;
  notes.forEach((frequency, i) => {
    const oscillator = audio!.createOscillator();
    const gain = audio!.createGain();
    const at = start + i * 0.14;
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0.0001, at);
    gain.gain.exponentialRampToValueAtTime(0.12, at + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.22);
    oscillator.connect(gain).connect(audio!.destination);
    oscillator.start(at);
    oscillator.stop(at + 0.24);
  });
}

class Notifier {
  permission = $state<Permission>('Notification' in globalThis ? Notification.permission : 'unsupported');

  async ask(): Promise<void> {
    if (this.permission === 'default') this.permission = await Notification.requestPermission();
  }

  /** Something wants the person's eye. A desktop notification only when they look elsewhere; the same tag replaces. */
  alert(
    text: { title: string; body: string; tag: string },
    sound: 'message' | 'offer',
    open: () => void,
  ): void {
    const preferences = session.me?.preferences;
    if (!preferences || !tabs.leads) return;
    if (preferences.sound) {
      try {
        tone(sound === 'offer' ? [660, 880, 990] : [740, 880]);
      } catch {
        // No sound device, or no gesture yet: the eye has to do.
      }
    }
    if (!preferences.desktop_notifications || this.permission !== 'granted' || document.hasFocus()) return;
    const shown = new Notification(text.title, { body: text.body, tag: text.tag, icon: '/console/icon.svg' });
    shown.onclick = () => {
      window.focus();
      open();
      shown.close();
    };
  }
}

export const notifier = new Notifier();
