import { describe, expect, it } from 'vitest';

import { findSecret } from '../src/secrets.js';

const PHRASE = 'abandon ability able about above absent absorb abstract absurd abuse access accident';

describe('secrets', () => {
  it.each([
    ['twelve words', PHRASE, 'phrase'],
    [
      'numbered, with lines',
      PHRASE.split(' ')
        .map((w, i) => `${i + 1}. ${w}`)
        .join('\n'),
      'phrase',
    ],
    ['after an explanation', `我的助记词 ${PHRASE}`, 'phrase'],
    ['WIF', 'use 5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ now', 'key'],
    ['labelled key', `private key: ${'ab12'.repeat(16)}`, 'key'],
    ['labelled key in Chinese', `私钥是 0x${'ab12'.repeat(16)}`, 'key'],
    ['code', 'my 2FA code is 482913', 'code'],
    ['code in Chinese', '验证码：482913', 'code'],
    ['password', 'my password is hunter2hunter', 'password'],
    ['password in Chinese', '登录密码是 abc12345', 'password'],
  ])('sees %s', (_, text, kind) => {
    expect(findSecret(text)).toBe(kind);
  });

  it.each([
    ['a txid', 'ab12'.repeat(16)],
    ['an amount', 'I sent 482913 USDT'],
    ['a question about passwords', 'I forgot my password, how can I reset it?'],
    ['a question about codes', '收不到验证码怎么办'],
    ['an order number', 'order 482913 is open'],
    [
      'a long sentence',
      'i sent some coins last week but they are not there and nobody can tell me when they will arrive',
    ],
  ])('leaves %s alone', (_, text) => {
    expect(findSecret(text)).toBe(null);
  });
});
