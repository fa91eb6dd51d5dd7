import { ApiProblem, problemFrom } from './problem.js';
import type { components } from './schema.gen.js';

type UploadedFile = components['schemas']['File'];

/** Where a file goes: an agent's upload names its conversation. */
export interface UploadTarget {
  url: '/api/v1/files' | '/api/v1/visitor/files';
  conversationId?: string;
}

export interface UploadOptions {
  baseUrl?: string;
  headers?: Record<string, string>;
  /** 0..1 */
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Uploads with progress, which fetch cannot tell. Rejects with an ApiProblem. */
export function uploadFile(
  file: File,
  target: UploadTarget,
  options: UploadOptions = {},
): Promise<UploadedFile> {
  const query = new URLSearchParams({ name: file.name });
  if (target.conversationId) query.set('conversation_id', target.conversationId);
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', `${options.baseUrl ?? ''}${target.url}?${query}`);
    xhr.setRequestHeader('Content-Type', 'application/octet-stream');
    for (const [name, value] of Object.entries(options.headers ?? {})) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (e) => {
      if (e.lengthComputable) options.onProgress?.(e.loaded / e.total);
    };
    xhr.onload = () => {
      const body = parseBody(xhr.responseText);
      if (xhr.status === 201) resolve(body as UploadedFile);
      else reject(problemFrom(xhr.status, body));
    };
    xhr.onerror = () => reject(new ApiProblem(0, 'offline', 'The server cannot be reached.'));
    xhr.onabort = () => reject(new ApiProblem(0, 'aborted', 'The upload was stopped.'));
    options.signal?.addEventListener('abort', () => xhr.abort(), { once: true });
    xhr.send(file);
  });
}
