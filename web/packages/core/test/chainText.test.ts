import { describe, expect, it } from 'vitest';

import { splitChainText } from '../src/chainText.js';

const found = (text: string) =>
  splitChainText(text)
    .filter((p) => p.kind === 'chain')
    .map((p) => p.text);

describe('chain text', () => {
  const txid = '9f2c4e1b7a3d5086c1e2f3a4b5c6d7e8f90123456789abcdef0123456789abcd';
  const cases: [string, string, string[]][] = [
    ['EVM transaction', `hash 0x${txid}.`, [`0x${txid}`]],
    ['bare transaction', `TXID：${txid}，谢谢`, [txid]],
    [
      'EVM address',
      'to 0x52908400098527886E0F7030069857D2E4169EE7',
      ['0x52908400098527886E0F7030069857D2E4169EE7'],
    ],
    [
      'TRON address apart',
      '地址 TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t 请核对',
      ['TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t'],
    ],
    ['bech32', 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', ['bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq']],
    [
      'two',
      '1BoatSLRHtKNngkdXEeobR76b53LETtpyT and 3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy',
      ['1BoatSLRHtKNngkdXEeobR76b53LETtpyT', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy'],
    ],
    ['plain words and amounts', 'I sent 1000.50 USDT on 2026-11-22 and waited', []],
    ['part of a link path', `https://etherscan.io/tx/0x${txid}`, []],
  ];
  it.each(cases)('%s', (_, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it('finds one that touches Chinese', () => {
    expect(found('地址TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t错了')).toEqual([
      'TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t',
    ]);
  });

  it('loses no character', () => {
    const text = `a ${txid} b 0x52908400098527886E0F7030069857D2E4169EE7 c`;
    expect(
      splitChainText(text)
        .map((p) => p.text)
        .join(''),
    ).toBe(text);
  });
});
