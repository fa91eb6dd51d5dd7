export * from './chainText.js';
export * from './i18n.js';
export * from './ids.js';
export * from './markdown.js';
export * from './outbox.js';
export * from './secrets.js';
export * from './time.js';
export * from './timeline.js';
