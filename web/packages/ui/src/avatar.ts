/** Initials as people know them: two letters of a Western name, the last two characters of a Chinese one. */
export function initials(name: string): string {
  const clean = name.trim();
  if (clean === '') return '?';
  if (/\p{Script=Han}/u.test(clean)) return [...clean.replace(/\s/g, '')].slice(-2).join('');
  const words = clean.split(/[\s._@-]+/).filter(Boolean);
  const first = [...(words[0] ?? '')][0] ?? '?';
  const last = words.length > 1 ? ([...(words.at(-1) ?? '')][0] ?? '') : '';
  return (first + last).toUpperCase();
}

/** One of `n` hues, the same for the same seed. */
export function hueOf(seed: string, n = 8): number {
  let hash = 2166136261;
  for (const c of seed) hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 16777619);
  return (hash >>> 0) % n;
}
