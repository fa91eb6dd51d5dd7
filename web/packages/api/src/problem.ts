import type { components } from './schema.gen.js';

type ProblemBody = components['schemas']['Problem'];
export interface FieldProblem {
  field: string;
  code: string;
  message: string;
}

/** What the server refused, or why it could not be reached (status 0, code `offline`). */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: FieldProblem[];

  constructor(status: number, code: string, message: string, fields: FieldProblem[] = []) {
    super(message);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.fields = fields;
  }

  /** The message for one field of a form, or undefined. */
  field(name: string): FieldProblem | undefined {
    return this.fields.find((f) => f.field === name);
  }

  /** True when the same call may succeed later without a change. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

function isProblem(body: unknown): body is ProblemBody {
  return typeof body === 'object' && body !== null && 'code' in body && 'title' in body;
}

export function problemFrom(status: number, body: unknown): ApiProblem {
  if (isProblem(body)) return new ApiProblem(status, body.code, body.detail ?? body.title, body.errors ?? []);
  return new ApiProblem(status, status === 0 ? 'offline' : 'unknown', `HTTP ${status}`);
}
