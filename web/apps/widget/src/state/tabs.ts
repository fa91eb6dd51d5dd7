/** What open tabs of this inbox tell each other and no disk keeps: the token of a signed customer, and that somebody signed out. */

export interface Tabs {
  tell(token: string | null): void;
}

export function joinTabs(inbox: string, hear: (token: string | null) => void): Tabs {
  try {
    const channel = new BroadcastChannel(`stablehand/${inbox}`);
    channel.onmessage = ({ data }: MessageEvent<{ token?: unknown }>) => {
      if (data?.token === null || typeof data?.token === 'string') hear(data.token);
    };
    return { tell: (token) => channel.postMessage({ token }) };
  } catch {
    // Forbidden or unknown here: each tab for itself.
    return { tell: () => undefined };
  }
}
