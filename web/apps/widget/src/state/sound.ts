/** Two short, soft notes for an answer that comes while nobody looks. Loaded when first wanted; made by the browser, so that there is no file to fetch. */

const NOTES = [
  [659.25, 0],
  [880, 0.12],
] as const;
const LOUDNESS = 0.08;
const LENGTH_S = 0.3;
/** Of several tabs one sounds: whoever gets the lock, for as long as the others may hear of the same answer. */
const HELD_MS = 1_500;

let context: AudioContext | undefined;

function play(): void {
  context ??= new AudioContext();
  // Without a touch or key press in this page browsers forbid sound: then it stays silent, and the badge speaks.
  if (context.state === 'suspended') void context.resume().catch(() => undefined);
  for (const [frequency, after] of NOTES) {
    const at = context.currentTime + after;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + LENGTH_S);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + LENGTH_S);
  }
}

export async function ring(name: string, locks: Pick<LockManager, 'request'> | undefined): Promise<void> {
  if (!locks) return play();
  await locks.request(name, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    play();
    await new Promise((resolve) => setTimeout(resolve, HELD_MS));
  });
}
