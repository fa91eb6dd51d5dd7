#include "guard/address.h"

#include <string.h>

#include "base/check.h"
#include "guard/keccak.h"
#include "platform/crypto.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex_letter(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* ---- base58check ---- */

static const char base58_alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

static bool is_base58(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '\0' || strchr(base58_alphabet, s.p[i]) == NULL) {
            return false;
        }
    }
    return s.len > 0;
}

/* Exactly 25 bytes: a version, 20 of payload, 4 of checksum. */
#define BASE58_BYTES 25

static bool base58_decode(struct str s, uint8_t out[BASE58_BYTES])
{
    memset(out, 0, BASE58_BYTES);
    for (size_t i = 0; i < s.len; i++) {
        unsigned carry = (unsigned)(strchr(base58_alphabet, s.p[i]) - base58_alphabet);
        for (size_t j = BASE58_BYTES; j-- > 0;) {
            carry += 58U * out[j];
            out[j] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0) {
            return false;
        }
    }
    /* Each leading zero byte is written as a leading '1', no more and no less. */
    size_t ones = 0;
    size_t zeros = 0;
    while (ones < s.len && s.p[ones] == '1') {
        ones++;
    }
    while (zeros < BASE58_BYTES && out[zeros] == 0) {
        zeros++;
    }
    return ones == zeros;
}

static bool base58_check(struct str s, uint8_t *version_out)
{
    uint8_t bytes[BASE58_BYTES];
    uint8_t once[32];
    uint8_t twice[32];
    if (!base58_decode(s, bytes)) {
        return false;
    }
    crypto_sha256((struct str){(const char *)bytes, BASE58_BYTES - 4}, once);
    crypto_sha256((struct str){(const char *)once, sizeof(once)}, twice);
    *version_out = bytes[0];
    return memcmp(twice, bytes + BASE58_BYTES - 4, 4) == 0;
}

struct base58_form {
    char first;
    size_t min, max;
    uint8_t version;
    enum address_chain chain;
};
static const struct base58_form base58_forms[] = {
    {'T', 33, 35, 0x41, ADDRESS_TRON},
    {'1', 25, 35, 0x00, ADDRESS_BITCOIN},
    {'3', 33, 35, 0x05, ADDRESS_BITCOIN},
    {'m', 33, 35, 0x6F, ADDRESS_BITCOIN_TESTNET},
    {'n', 33, 35, 0x6F, ADDRESS_BITCOIN_TESTNET},
    {'2', 34, 36, 0xC4, ADDRESS_BITCOIN_TESTNET},
};

/* Letters and digits both: a number of 30 digits is none, nor is a long word. */
static bool is_mixed(struct str s)
{
    bool has_digit = false;
    bool has_letter = false;
    for (size_t i = 1; i < s.len; i++) {
        has_digit = has_digit || is_digit(s.p[i]);
        has_letter = has_letter || !is_digit(s.p[i]);
    }
    return has_digit && has_letter;
}

static bool parse_base58(struct str s, struct address *out)
{
    if (!is_base58(s) || !is_mixed(s)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(base58_forms); i++) {
        const struct base58_form *f = &base58_forms[i];
        if (s.p[0] != f->first || s.len < f->min || s.len > f->max) {
            continue;
        }
        uint8_t version;
        bool is_ok = base58_check(s, &version) && version == f->version;
        /* 'm', 'n' and '2' begin many words: without a checksum that holds they are nothing. */
        if (!is_ok && f->chain == ADDRESS_BITCOIN_TESTNET) {
            continue;
        }
        *out = (struct address){f->chain, is_ok ? CHECKSUM_OK : CHECKSUM_BAD};
        return true;
    }
    return false;
}

/* ---- bech32 ---- */

static const char bech32_alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t bech32_step(uint32_t chk, uint32_t value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    uint32_t top = chk >> 25;
    chk = (chk & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++) {
        chk ^= (top >> i & 1) != 0 ? generator[i] : 0;
    }
    return chk;
}

/* Program length and padding of the data part (values of 5 bits, first the version, without checksum). */
static bool is_witness_program(const uint8_t *values, size_t n)
{
    size_t bits = (n - 1) * 5;
    size_t bytes = bits / 8;
    uint8_t version = values[0];
    unsigned spare = (unsigned)(bits % 8);
    if (version > 16 || bytes < 2 || bytes > 40 || spare > 4 ||
        (values[n - 1] & ((1U << spare) - 1)) != 0) {
        return false;
    }
    return version != 0 || bytes == 20 || bytes == 32;
}

static bool bech32_check(struct str s)
{
    uint8_t values[ADDRESS_MAX_LEN];
    size_t n = s.len - 3;
    uint32_t chk = 1;
    bool has_lower = false;
    bool has_upper = false;
    for (size_t i = 0; i < s.len; i++) {
        has_lower = has_lower || (s.p[i] >= 'a' && s.p[i] <= 'z');
        has_upper = has_upper || (s.p[i] >= 'A' && s.p[i] <= 'Z');
    }
    for (size_t i = 0; i < 2; i++) {
        chk = bech32_step(chk, (uint32_t)lower(s.p[i]) >> 5);
    }
    chk = bech32_step(chk, 0);
    for (size_t i = 0; i < 2; i++) {
        chk = bech32_step(chk, (uint32_t)lower(s.p[i]) & 31);
    }
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(bech32_alphabet, lower(s.p[3 + i]));
        if (at == NULL) {
            return false;
        }
        values[i] = (uint8_t)(at - bech32_alphabet);
        chk = bech32_step(chk, values[i]);
    }
    uint32_t wanted = values[0] == 0 ? 1 : 0x2bc830a3;
    return !(has_lower && has_upper) && chk == wanted && is_witness_program(values, n - 6);
}

static bool parse_bech32(struct str s, struct address *out)
{
    bool is_main = s.len >= 3 && str_eq_nocase(str_sub(s, 0, 3), STR("bc1"));
    bool is_test = s.len >= 3 && str_eq_nocase(str_sub(s, 0, 3), STR("tb1"));
    if ((!is_main && !is_test) || s.len < 14 || s.len > ADDRESS_MAX_LEN || !is_mixed(s)) {
        return false;
    }
    for (size_t i = 3; i < s.len; i++) {
        if (!is_digit(s.p[i]) && !(lower(s.p[i]) >= 'a' && lower(s.p[i]) <= 'z')) {
            return false;
        }
    }
    *out = (struct address){is_main ? ADDRESS_BITCOIN : ADDRESS_BITCOIN_TESTNET,
                            bech32_check(s) ? CHECKSUM_OK : CHECKSUM_BAD};
    return true;
}

/* ---- EVM ---- */

#define EVM_LEN 42

static void eip55(struct str s, char out[EVM_LEN])
{
    uint8_t hash[32];
    for (size_t i = 0; i < EVM_LEN; i++) {
        out[i] = lower(s.p[i]);
    }
    keccak_256((struct str){out + 2, EVM_LEN - 2}, hash);
    for (size_t i = 0; i < EVM_LEN - 2; i++) {
        unsigned nibble = hash[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15U;
        if (nibble >= 8) {
            out[i + 2] = upper(out[i + 2]);
        }
    }
}

static bool parse_evm(struct str s, struct address *out)
{
    if (s.len != EVM_LEN || s.p[0] != '0' || lower(s.p[1]) != 'x') {
        return false;
    }
    bool has_lower = false;
    bool has_upper = false;
    for (size_t i = 2; i < s.len; i++) {
        if (!is_digit(s.p[i]) && !is_hex_letter(s.p[i])) {
            return false;
        }
        has_lower = has_lower || (s.p[i] >= 'a' && s.p[i] <= 'f');
        has_upper = has_upper || (s.p[i] >= 'A' && s.p[i] <= 'F');
    }
    char wanted[EVM_LEN];
    eip55(s, wanted);
    *out = (struct address){ADDRESS_EVM, !has_lower || !has_upper ? CHECKSUM_NONE
                                         : memcmp(wanted + 2, s.p + 2, EVM_LEN - 2) == 0
                                             ? CHECKSUM_OK
                                             : CHECKSUM_BAD};
    return true;
}

bool address_parse(struct str s, struct address *out)
{
    return s.len > 0 && (parse_evm(s, out) || parse_bech32(s, out) || parse_base58(s, out));
}

struct str address_normal(struct arena *arena, struct str s, const struct address *a)
{
    bool is_base58_form = a->chain == ADDRESS_TRON ||
                          (a->chain != ADDRESS_EVM && lower(s.p[0]) != 'b' && lower(s.p[0]) != 't');
    if (is_base58_form) {
        return str_dup(arena, s);
    }
    if (a->chain != ADDRESS_EVM) {
        return str_lower_ascii(arena, s);
    }
    char *out = arena_alloc(arena, EVM_LEN);
    eip55(s, out);
    return (struct str){out, EVM_LEN};
}

const char *address_chain_name(enum address_chain chain)
{
    static const char *const names[] = {[ADDRESS_TRON] = "tron",
                                        [ADDRESS_BITCOIN] = "bitcoin",
                                        [ADDRESS_BITCOIN_TESTNET] = "bitcoin-testnet",
                                        [ADDRESS_EVM] = "evm"};
    return names[chain];
}
