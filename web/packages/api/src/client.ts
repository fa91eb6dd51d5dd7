/** Typed client of spec/openapi.yaml. The types are openapi-fetch's; the code is ours, because what we need of it is a sixth of its size.
 *
 *   const me = await unwrap(api.GET('/api/v1/session'));
 *   await unwrap(api.POST('/api/v1/things/{id}', { params: { path: { id }, query: { x: 1 }, header: { 'If-Match': etag } }, body }));
 *
 * Known of the options: params.path, params.query (no arrays), params.header, body (JSON), headers, signal, parseAs ('json' | 'text' | 'blob'). */
import type { Client } from 'openapi-fetch';

import { ApiProblem, problemFrom } from './problem.js';
import type { paths } from './schema.gen.js';

type Everything = Client<paths>;
export type Api = Pick<Everything, 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH'>;

export interface ApiOptions {
  /** Origin of the server; empty for the page's own. */
  baseUrl?: string;
  /** Agents: the session's CSRF token, sent on writes. */
  csrfToken?: () => string | null;
  /** Visitors and API keys: sent as `Authorization: Bearer`. */
  bearer?: () => string | null;
  /** Called for each 401, e.g. to show the sign-in page. */
  onUnauthorized?: () => void;
  fetch?: (request: Request) => Promise<Response>;
}

type Values = Record<string, unknown>;
interface Call {
  params?: { path?: Values; query?: Values; header?: Values };
  body?: unknown;
  headers?: Values;
  signal?: AbortSignal;
  parseAs?: 'json' | 'text' | 'blob';
}

/** The path with its parameters filled in; empty query parameters are left out. */
export function addressOf(path: string, params: Call['params']): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(params?.path?.[name])),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params?.query ?? {})) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  const tail = query.toString();
  return tail ? `${filled}?${tail}` : filled;
}

function headersOf(method: string, call: Call, options: ApiOptions): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ ...call.params?.header, ...call.headers })) {
    if (value !== undefined && value !== null) headers.set(name, String(value));
  }
  if (call.body !== undefined) headers.set('Content-Type', 'application/json');
  const bearer = options.bearer?.();
  if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
  const csrf = method === 'GET' ? null : options.csrfToken?.();
  if (csrf) headers.set('X-CSRF-Token', csrf);
  return headers;
}

async function request(options: ApiOptions, method: string, path: string, call: Call = {}) {
  const send = options.fetch ?? ((r: Request) => globalThis.fetch(r));
  const base = options.baseUrl || globalThis.location?.origin || '';
  let response: Response;
  try {
    response = await send(
      new Request(base + addressOf(path, call.params), {
        method,
        headers: headersOf(method, call, options),
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
        ...(call.signal && { signal: call.signal }),
      }),
    );
  } catch {
    // A request that never reached the server looks like a problem document, so that callers know one kind of failure.
    throw new ApiProblem(0, 'offline', 'The server cannot be reached.');
  }
  if (response.status === 401) options.onUnauthorized?.();
  if (response.ok) {
    const data = response.status === 204 ? undefined : await response[call.parseAs ?? 'json']();
    return { data, response };
  }
  // Not every refusal comes from us: a proxy answers in HTML.
  return { error: await response.json().catch(() => ({})), response };
}

export function createApi(options: ApiOptions = {}): Api {
  const api: Values = {};
  for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'PATCH']) {
    api[method] = (path: string, call?: Call) => request(options, method, path, call);
  }
  return api as unknown as Api;
}

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of a call, or an ApiProblem thrown: `const me = await unwrap(api.GET('/api/v1/session'))`. */
export async function unwrap<T>(call: Promise<Result<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (error !== undefined || !response.ok) throw problemFrom(response.status, error);
  return data as T;
}
