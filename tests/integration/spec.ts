/** Every real response and socket frame in these tests is held against spec/. */
import { readFileSync } from 'node:fs';

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { parse } from 'yaml';

const root = new URL('../../', import.meta.url);
const load = (name: string) => parse(readFileSync(new URL(`spec/${name}`, root), 'utf8'), { merge: true });

export const openapi = load('openapi.yaml');
const socket = load('socket.yaml');

const ajv = new Ajv2020({ strict: false, allErrors: true });
(formats as unknown as (a: Ajv2020) => void)(ajv);
ajv.addSchema({ ...openapi, $id: 'openapi.yaml' });
ajv.addSchema(socket);

const compiled = new Map<string, ValidateFunction>();
function validator(ref: string): ValidateFunction {
  let v = compiled.get(ref);
  if (!v) compiled.set(ref, (v = ajv.compile({ $ref: ref })));
  return v;
}

function explain(v: ValidateFunction, value: unknown): string {
  const errors = (v.errors ?? []).map((e) => `${e.instancePath || '/'} ${e.message} ${JSON.stringify(e.params)}`);
  return `${errors.slice(0, 6).join('\n')}\nin ${JSON.stringify(value)?.slice(0, 600)}`;
}

const escape = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1');

/** The path template of the spec that serves a request path. */
function templateOf(path: string): string {
  const hit = Object.keys(openapi.paths)
    .filter((t) => new RegExp(`^${t.replace(/\{\w+\}/g, '[^/]+')}$`).test(path))
    .sort((a, b) => a.split('{').length - b.split('{').length)[0];
  if (!hit) throw new Error(`${path} is not in spec/openapi.yaml`);
  return hit;
}

/** Throws unless the answer is one that the spec promises for this operation and status. */
export function checkResponse(method: string, path: string, status: number, contentType: string, body: unknown): void {
  const template = templateOf(path);
  const where = `${method} ${template} -> ${status}`;
  const operation = openapi.paths[template][method.toLowerCase()];
  if (!operation) throw new Error(`${where}: no such operation in the spec`);
  const responses = operation.responses;
  const key = String(status) in responses ? String(status) : 'default';
  // Any route may answer 4xx/5xx with a problem document.
  if (!(key in responses) && status < 400) throw new Error(`${where}: the spec promises ${Object.keys(responses).join(', ')}`);
  const type = contentType.split(';')[0]!.trim();
  if (status >= 400 && type === 'application/problem+json') {
    const v = validator('openapi.yaml#/components/schemas/Problem');
    if (!v(body)) throw new Error(`${where}: ${explain(v, body)}`);
    return;
  }
  let base = `openapi.yaml#/paths/${escape(template)}/${method.toLowerCase()}/responses/${key}`;
  let response = responses[key];
  if (response.$ref) {
    base = `openapi.yaml${response.$ref}`;
    response = openapi.components.responses[response.$ref.split('/').pop()];
  }
  if (!response.content) return;
  if (!(type in response.content)) throw new Error(`${where}: content type ${type}, promised ${Object.keys(response.content).join(', ')}`);
  if (type !== 'application/json') return;
  const v = validator(encodeURI(`${base}/content/${escape(type)}/schema`).replaceAll('%25', '%'));
  if (!v(body)) throw new Error(`${where}: ${explain(v, body)}`);
}

export type FrameDirection = 'ToVisitor' | 'ToAgent';

const EVENT_DATA: Record<string, string> = { message: 'Message' };

/** Throws unless the frame is one that spec/socket.yaml promises. Checks the branch of its `t`, so that messages are readable. */
export function checkFrame(direction: FrameDirection, frame: { t: string; event?: { kind: string; data: unknown } }): void {
  const branches: string[] = socket.$defs[direction].oneOf.map((b: { $ref: string }) => b.$ref.split('/').pop());
  const names = branches.filter((n) => socket.$defs[n].properties.t.const === frame.t);
  if (names.length === 0) throw new Error(`${direction}: frame kind ${frame.t} is not in spec/socket.yaml`);
  const v = validator(`socket.yaml#/$defs/${names[0]}`);
  if (!v(frame as unknown)) throw new Error(`${direction} ${frame.t}: ${explain(v, frame)}`);
  if (!frame.event) return;
  const noun = frame.event.kind.split('.')[0]!;
  const shape = noun === 'conversation' ? (direction === 'ToAgent' ? 'Conversation' : 'VisitorConversation') : EVENT_DATA[noun];
  if (!shape) return;
  const data = validator(`openapi.yaml#/components/schemas/${shape}`);
  if (!data(frame.event.data as unknown)) throw new Error(`${direction} event ${frame.event.kind}: ${explain(data, frame.event.data)}`);
}
