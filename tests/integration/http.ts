/** Clients of the tests: small, explicit, each response checked against the spec. */
import { checkResponse } from './spec.js';

export interface Answer<T = any> {
  status: number;
  headers: Headers;
  body: T;
}

export class HttpClient {
  cookies = new Map<string, string>();
  csrf: string | null = null;
  bearer: string | null = null;
  /** The browser's Origin header. */
  origin: string | null = null;

  constructor(public baseUrl: string) {}

  async call<T = any>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
    const h: Record<string, string> = { ...headers };
    if (this.cookies.size) h.cookie = [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
    if (this.csrf && method !== 'GET') h['x-csrf-token'] ??= this.csrf;
    if (this.bearer) h.authorization = `Bearer ${this.bearer}`;
    if (this.origin) h.origin = this.origin;
    let payload: BodyInit | undefined;
    if (body instanceof Uint8Array) {
      payload = body as unknown as BodyInit;
      h['content-type'] ??= 'application/octet-stream';
    } else if (body !== undefined) {
      payload = JSON.stringify(body);
      h['content-type'] ??= 'application/json';
    }
    const response = await fetch(this.baseUrl + path, { method, headers: h, ...(payload !== undefined && { body: payload }), redirect: 'manual' });
    for (const cookie of setCookies(response.headers)) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value) this.cookies.set(name, value);
      else this.cookies.delete(name);
    }
    const type = response.headers.get('content-type') ?? '';
    const text = await response.text();
    const parsed = /json/.test(type) ? JSON.parse(text) : text;
    checkResponse(method, path.split('?')[0]!, response.status, type, parsed);
    return { status: response.status, headers: response.headers, body: parsed };
  }

  get = <T = any>(path: string, headers?: Record<string, string>) => this.call<T>('GET', path, undefined, headers);
  post = <T = any>(path: string, body?: unknown, headers?: Record<string, string>) => this.call<T>('POST', path, body, headers);
  put = <T = any>(path: string, body?: unknown, headers?: Record<string, string>) => this.call<T>('PUT', path, body, headers);
  patch = <T = any>(path: string, body?: unknown, headers?: Record<string, string>) => this.call<T>('PATCH', path, body, headers);
  delete = <T = any>(path: string, headers?: Record<string, string>) => this.call<T>('DELETE', path, undefined, headers);
}

/** Each Set-Cookie of an answer. Not `getSetCookie`: the fetch of Debian 12's node has none. Ours carry no Expires, the one part with a comma in it. */
export function setCookies(headers: Headers): string[] {
  return (headers.get('set-cookie') ?? '').split(/, (?=[^;,=]+=)/).filter(Boolean);
}

/** The call's body; throws with the problem when the status is another one. */
export async function expectStatus<T>(status: number, call: Promise<Answer<T>>): Promise<T> {
  const answer = await call;
  if (answer.status !== status) throw new Error(`status ${answer.status} instead of ${status}: ${JSON.stringify(answer.body).slice(0, 500)}`);
  return answer.body;
}
