import createClient, { type Client, type Middleware } from 'openapi-fetch';

import { ApiProblem, problemFrom } from './problem.js';
import type { paths } from './schema.gen.js';

export type Api = Client<paths>;

export interface ApiOptions {
  /** Origin of the server; empty for the page's own. */
  baseUrl?: string;
  /** Agents: the session's CSRF token, sent on writes. */
  csrfToken?: () => string | null;
  /** Visitors and API keys: sent as `Authorization: Bearer`. */
  bearer?: () => string | null;
  /** Called for each 401, e.g. to show the sign-in page. */
  onUnauthorized?: () => void;
  fetch?: typeof globalThis.fetch;
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Typed client of spec/openapi.yaml. Calls return `{ data, error, response }`; see `unwrap`. */
export function createApi(options: ApiOptions = {}): Api {
  const send = options.fetch ?? ((input: Request) => globalThis.fetch(input));
  const client = createClient<paths>({
    baseUrl: options.baseUrl ?? '',
    // A request that never reached the server looks like a problem document, so that callers know one kind of failure.
    fetch: (request: Request) =>
      send(request).catch(() => {
        throw new ApiProblem(0, 'offline', 'The server cannot be reached.');
      }),
  });
  const headers: Middleware = {
    onRequest({ request }) {
      const bearer = options.bearer?.();
      if (bearer) request.headers.set('Authorization', `Bearer ${bearer}`);
      const csrf = SAFE.has(request.method) ? null : options.csrfToken?.();
      if (csrf) request.headers.set('X-CSRF-Token', csrf);
      return request;
    },
    onResponse({ response }) {
      if (response.status === 401) options.onUnauthorized?.();
      return response;
    },
  };
  client.use(headers);
  return client;
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
