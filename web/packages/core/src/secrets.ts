/** Does this text look like something that nobody may ever be told? Shapes only, in the browser, before anything is sent; the server's guard is the wall behind it.
 * Rather one warning too few than one that people learn to click away: a bare six-digit number or a bare 64-digit hex string (a txid!) is not taken for a secret. */

export type SecretKind = 'phrase' | 'key' | 'code' | 'password';

/** 12, 15, 18, 21 or 24 words of 3 to 8 small letters in a row, as BIP-39 makes them. */
function looksLikePhrase(text: string): boolean {
  for (const run of text.matchAll(/(?:\b\d{0,2}[.)]?\s*[a-z]{3,8}\b[\s,;]*){12,}/g)) {
    const words = run[0].match(/[a-z]{3,8}/g) ?? [];
    const common = words.filter((w) => COMMON.has(w)).length;
    if (words.length <= 26 && common === 0) return true;
  }
  return false;
}
/** Words of ordinary sentences that BIP-39 does not have: one of them, and it is a sentence. */
const COMMON = new Set(
  'the and was for are but not has had your his her its our them with from been were would did does why how please thanks yesterday their'.split(
    ' ',
  ),
);

const KEY_WORD =
  /(?:private\s*key|secret\s*key|priv\s*key|api\s*secret|私钥|密钥)[^0-9a-zA-Z]{0,12}(?:is|是|为)?[^0-9a-zA-Z]{0,6}(?:0x)?[0-9a-zA-Z+/=]{32,}/i;
const WIF = /(?<![0-9A-Za-z])[5KL][1-9A-HJ-NP-Za-km-z]{50,51}(?![0-9A-Za-z])/;
const XPRV = /\b[xyzt]prv[1-9A-HJ-NP-Za-km-z]{90,}/;
const CODE =
  /(?:2fa|otp|authenticator|google auth|verification code|sms code|email code|验证码|动态码|谷歌码|校验码)\D{0,16}(?<!\d)\d{6}(?!\d)/i;
const PASSWORD =
  /(?:my |login |account )?(?:password|passwd|pwd)\s*(?:is|:|=)\s*\S{6,}|(?:登录|资金|交易)?密码\s*(?:是|为|:|：)\s*\S{6,}/i;

export function findSecret(text: string): SecretKind | null {
  if (KEY_WORD.test(text) || WIF.test(text) || XPRV.test(text)) return 'key';
  if (looksLikePhrase(text)) return 'phrase';
  if (CODE.test(text)) return 'code';
  if (PASSWORD.test(text)) return 'password';
  return null;
}
