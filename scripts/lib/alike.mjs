// When two texts of the starter content count as the same, or as too alike to measure one by the other.
export const MAX_LIKENESS = 0.7;

// Two texts that differ only in case, width, punctuation or spaces are the same to the bot.
export const fold = (s) => s.normalize('NFKC').toLowerCase().replace(/[\p{P}\p{S}\s]+/gu, '');

export const features = (s, lang) => {
  const units = s.normalize('NFKC').toLowerCase().match(/[a-z0-9]+|\p{Script=Han}/gu) ?? [];
  return new Set(lang === 'en' ? units : units.slice(1).map((u, i) => units[i] + u));
};

export const likeness = (a, b) => {
  // Far from equal in size: no common part makes them alike.
  if (Math.min(a.size, b.size) <= MAX_LIKENESS * Math.max(a.size, b.size)) return 0;
  let common = 0;
  for (const f of a) if (b.has(f)) common++;
  return common / (a.size + b.size - common || 1);
};
