import { ApiProblem } from '@stablehand/api';
import { toasts } from '@stablehand/ui';
import { words } from './locale.svelte.js';

const t = words(
  {
    offline: 'The server cannot be reached. Check the connection and try again.',
    denied: 'You are not allowed to do that.',
    not_found: 'This is no longer there.',
    changed: 'Somebody else changed this in the meantime. It has been loaded again.',
    conflict: 'That no longer fits: something changed in the meantime.',
    too_fast: 'Too many requests. Wait a moment and try again.',
    too_big: 'That is too large.',
    server: 'The server had a problem. Try again in a moment.',
    invalid: 'Something in the form is not right.',
    unknown: 'That did not work.',
    required: 'This is needed.',
    too_short: 'This is too short.',
    too_long: 'This is too long.',
    taken: 'This is already in use.',
    pattern: 'This is not in the expected form.',
    range: 'This is out of range.',
  },
  {
    offline: '无法连接服务器。请检查网络后重试。',
    denied: '你没有执行此操作的权限。',
    not_found: '内容已不存在。',
    changed: '其他人刚刚修改了此内容,已重新加载。',
    conflict: '状态已发生变化,操作不再适用。',
    too_fast: '请求过于频繁,请稍候再试。',
    too_big: '内容过大。',
    server: '服务器出现问题,请稍后再试。',
    invalid: '表单中有内容不正确。',
    unknown: '操作未成功。',
    required: '此项必填。',
    too_short: '内容过短。',
    too_long: '内容过长。',
    taken: '已被使用。',
    pattern: '格式不正确。',
    range: '超出允许范围。',
  },
);

/** What went wrong, in words for a person. */
export function explain(problem: unknown): string {
  if (!(problem instanceof ApiProblem)) return t('unknown');
  const byStatus: Record<number, string> = {
    0: t('offline'),
    403: t('denied'),
    404: t('not_found'),
    409: t('conflict'),
    412: t('changed'),
    413: t('too_big'),
    422: t('invalid'),
    429: t('too_fast'),
  };
  return (
    byStatus[problem.status] ??
    (problem.status >= 500 ? t('server') : problem.status === 400 ? t('invalid') : problem.message)
  );
}

const FIELD_CODES: Record<string, Parameters<typeof t>[0]> = {
  required: 'required',
  missing: 'required',
  too_short: 'too_short',
  min_length: 'too_short',
  too_long: 'too_long',
  max_length: 'too_long',
  taken: 'taken',
  conflict: 'taken',
  pattern: 'pattern',
  format: 'pattern',
  invalid: 'pattern',
  range: 'range',
  minimum: 'range',
  maximum: 'range',
};

/** The error of one field, or undefined. */
export function fieldError(problem: unknown, field: string): string | undefined {
  if (!(problem instanceof ApiProblem)) return undefined;
  const found = problem.field(field);
  if (!found) return undefined;
  const known = FIELD_CODES[found.code];
  return known ? t(known) : found.message;
}

export function toastProblem(problem: unknown): void {
  toasts.show(explain(problem), 'danger');
}
