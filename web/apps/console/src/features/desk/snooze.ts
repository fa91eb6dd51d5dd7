/** Times that a conversation is put aside until. Pure: in the browser's zone, from a given now. */
export function inHours(now: number, hours: number): Date {
  return new Date(now + hours * 3_600_000);
}

export function tomorrowMorning(now: number): Date {
  const at = new Date(now);
  at.setDate(at.getDate() + 1);
  at.setHours(9, 0, 0, 0);
  return at;
}

export function nextMonday(now: number): Date {
  const at = new Date(now);
  const days = (8 - at.getDay()) % 7 || 7;
  at.setDate(at.getDate() + days);
  at.setHours(9, 0, 0, 0);
  return at;
}

/** For `<input type="datetime-local">`. */
export function localInput(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
