import { describe, expect, it } from 'vitest';

import { addressOf, createApi, unwrap } from '../src/client.js';
import { ApiProblem } from '../src/problem.js';

function setUp(answer: () => Response | Promise<Response>, extra: Parameters<typeof createApi>[0] = {}) {
  const seen: Request[] = [];
  const api = createApi({
    baseUrl: 'https://desk.example',
    fetch: (request) => {
      seen.push(request);
      return Promise.resolve(answer());
    },
    ...extra,
  });
  return { api, seen };
}
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

describe('client', () => {
  it('fills paths and queries, leaving out what is not given', () => {
    expect(
      addressOf('/a/{id}/b', { path: { id: 'x/y' }, query: { q: '冻结', before: undefined, n: 0 } }),
    ).toBe('/a/x%2Fy/b?q=%E5%86%BB%E7%BB%93&n=0');
    expect(addressOf('/a', undefined)).toBe('/a');
  });

  it('sends token, headers and a JSON body, and gives the data', async () => {
    const { api, seen } = setUp(() => json({ id: '1' }, 201), { bearer: () => 'tok', csrfToken: () => 'c' });
    const made = await unwrap(
      api.POST('/api/v1/visitor/messages', { body: { client_id: 'aaaaaaaa', body: '您好' } }),
    );
    expect(made.id).toBe('1');
    const [request] = seen;
    expect(request!.url).toBe('https://desk.example/api/v1/visitor/messages');
    expect(request!.headers.get('authorization')).toBe('Bearer tok');
    expect(request!.headers.get('x-csrf-token')).toBe('c');
    expect(await request!.json()).toEqual({ client_id: 'aaaaaaaa', body: '您好' });
  });

  it('does not send the CSRF token with reads', async () => {
    const { api, seen } = setUp(() => json({ items: [] }), { csrfToken: () => 'c' });
    await api.GET('/api/v1/agents');
    expect(seen[0]!.headers.has('x-csrf-token')).toBe(false);
  });

  it('gives nothing for 204, text when asked', async () => {
    expect(await unwrap(setUp(() => new Response(null, { status: 204 })).api.DELETE('/api/v1/session'))).toBe(
      undefined,
    );
    const { api } = setUp(() => new Response('a: b'));
    expect((await api.GET('/api/openapi.yaml', { parseAs: 'text' })).data).toBe('a: b');
  });

  it('throws problems: of the server, of a proxy, of no line at all', async () => {
    const body = { title: 'No', status: 422, code: 'invalid', detail: 'Not so', errors: [] };
    await expect(unwrap(setUp(() => json(body, 422)).api.GET('/api/v1/session'))).rejects.toMatchObject({
      status: 422,
      code: 'invalid',
      message: 'Not so',
    });
    const proxy = setUp(() => new Response('<h1>Bad gateway</h1>', { status: 502 }));
    await expect(unwrap(proxy.api.GET('/api/v1/session'))).rejects.toMatchObject({
      status: 502,
      code: 'unknown',
    });
    const offline = setUp(() => Promise.reject(new TypeError('failed')));
    await expect(offline.api.GET('/api/v1/session')).rejects.toBeInstanceOf(ApiProblem);
  });

  it('tells about each 401', async () => {
    let n = 0;
    const { api } = setUp(() => json({ title: 'x', code: 'y' }, 401), { onUnauthorized: () => n++ });
    await api.GET('/api/v1/session');
    expect(n).toBe(1);
  });
});
