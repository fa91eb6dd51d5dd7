export { createApi, unwrap, type Api, type ApiOptions } from './client.js';
export { ApiProblem, problemFrom, type FieldProblem } from './problem.js';
export { ResumingSocket, type SocketOptions, type SocketStatus } from './socket.js';
export { uploadFile, type UploadOptions, type UploadTarget } from './upload.js';
export type { components, operations, paths } from './schema.gen.js';
export type * as Frames from './socket.gen.js';

import type { components } from './schema.gen.js';
/** Shapes of the API by name: `Schema['Conversation']`. */
export type Schema = components['schemas'];
