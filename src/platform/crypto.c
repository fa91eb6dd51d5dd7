/* Hashes, MACs, passwords and sealing over libsodium; OpenSSL only for the SHA-1 that TOTP is defined with. JWT lives in crypto_jwt.c.
 *
 * Argon2id is throttled by a counting lock here, not by callers: 64 MB a piece on every worker at once would be a way to exhaust the machine. */
#include "platform/crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <sodium.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/rng.h"

#define PASSWORD_AT_A_TIME 2
#define TOTP_STEP_MS 30000
#define TOTP_DIGITS 6

_Static_assert(crypto_pwhash_STRBYTES <= 128, "callers keep 128 bytes");

static pthread_mutex_t password_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t password_free = PTHREAD_COND_INITIALIZER;
static int password_running;

enum err crypto_init(void)
{
    return sodium_init() < 0 ? ERR_INTERNAL : ERR_OK;
}

static const unsigned char *bytes(struct str s)
{
    return (const unsigned char *)(s.p != NULL ? s.p : "");
}

void crypto_sha256(struct str data, uint8_t out[32])
{
    crypto_hash_sha256(out, bytes(data), data.len);
}

void crypto_sha256_hex(struct str data, char out[65])
{
    uint8_t hash[32];
    crypto_sha256(data, hash);
    sodium_bin2hex(out, 65, hash, sizeof(hash));
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct crypto_sha256_stream),
               "room for the library's state");

void crypto_sha256_begin(struct crypto_sha256_stream *s)
{
    crypto_hash_sha256_init((crypto_hash_sha256_state *)s->state);
}

void crypto_sha256_add(struct crypto_sha256_stream *s, struct str piece)
{
    crypto_hash_sha256_update((crypto_hash_sha256_state *)s->state, bytes(piece), piece.len);
}

void crypto_sha256_end(struct crypto_sha256_stream *s, char hex_out[65])
{
    uint8_t hash[32];
    crypto_hash_sha256_final((crypto_hash_sha256_state *)s->state, hash);
    sodium_bin2hex(hex_out, 65, hash, sizeof(hash));
}

void crypto_hmac_sha256(struct str key, struct str data, uint8_t out[32])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, bytes(key), key.len);
    crypto_auth_hmacsha256_update(&state, bytes(data), data.len);
    crypto_auth_hmacsha256_final(&state, out);
    mem_wipe(&state, sizeof(state));
}

struct str crypto_token(struct arena *arena)
{
    uint8_t raw[32];
    rng_bytes(raw, sizeof(raw));
    struct str token = codec_base64url(arena, raw, sizeof(raw));
    mem_wipe(raw, sizeof(raw));
    return token;
}

/* ---- passwords ---- */

static void password_enter(void)
{
    pthread_mutex_lock(&password_lock);
    while (password_running == PASSWORD_AT_A_TIME) {
        pthread_cond_wait(&password_free, &password_lock);
    }
    password_running++;
    pthread_mutex_unlock(&password_lock);
}

static void password_leave(void)
{
    pthread_mutex_lock(&password_lock);
    password_running--;
    pthread_cond_signal(&password_free);
    pthread_mutex_unlock(&password_lock);
}

enum err crypto_password_hash(struct str password, char out[128])
{
    char text[crypto_pwhash_STRBYTES] = {0};
    password_enter();
    int failed = crypto_pwhash_str_alg(
        text, (const char *)bytes(password), password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
        crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
    password_leave();
    if (failed != 0) {
        return ERR_UNAVAILABLE;
    }
    memset(out, 0, 128);
    memcpy(out, text, sizeof(text));
    return ERR_OK;
}

bool crypto_password_verify(const char *hash, struct str password)
{
    password_enter();
    bool ok = crypto_pwhash_str_verify(hash, (const char *)bytes(password), password.len) == 0;
    password_leave();
    return ok;
}

bool crypto_password_needs_rehash(const char *hash)
{
    return crypto_pwhash_str_needs_rehash(hash, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0;
}

/* ---- sealing ---- */

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES

struct str crypto_seal(struct arena *arena, const uint8_t key[32], struct str context,
                       struct str plain)
{
    unsigned char *out = arena_alloc(arena, NONCE_LEN + plain.len + TAG_LEN);
    rng_bytes(out, NONCE_LEN);
    unsigned long long len = 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_LEN, &len, bytes(plain), plain.len,
                                               bytes(context), context.len, NULL, out, key);
    return (struct str){(const char *)out, NONCE_LEN + (size_t)len};
}

enum err crypto_open(struct arena *arena, const uint8_t key[32], struct str context,
                     struct str sealed, struct str *plain_out)
{
    if (sealed.len < NONCE_LEN + TAG_LEN) {
        return ERR_INVALID;
    }
    const unsigned char *in = bytes(sealed);
    unsigned char *out = arena_alloc(arena, sealed.len - NONCE_LEN - TAG_LEN + 1);
    unsigned long long len = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &len, NULL, in + NONCE_LEN,
                                                   sealed.len - NONCE_LEN, bytes(context),
                                                   context.len, in, key) != 0) {
        return ERR_DENIED;
    }
    *plain_out = (struct str){(const char *)out, (size_t)len};
    return ERR_OK;
}

/* ---- TOTP ---- */

static uint32_t hotp(struct str seed, uint64_t counter)
{
    unsigned char message[8];
    for (int i = 7; i >= 0; i--) {
        message[i] = (unsigned char)(counter & 0xFF);
        counter >>= 8;
    }
    unsigned char mac[EVP_MAX_MD_SIZE] = {0};
    unsigned int mac_len = 0;
    ASSERT(seed.len <= 1024);
    ASSERT(HMAC(EVP_sha1(), bytes(seed), (int)seed.len, message, sizeof(message), mac, &mac_len) !=
               NULL &&
           mac_len == 20);
    size_t at = mac[19] & 0x0F;
    uint32_t code = ((uint32_t)(mac[at] & 0x7F) << 24) | ((uint32_t)mac[at + 1] << 16) |
                    ((uint32_t)mac[at + 2] << 8) | mac[at + 3];
    return code % 1000000;
}

uint32_t crypto_totp(struct str seed, int64_t at_ms)
{
    ASSERT(at_ms >= 0);
    return hotp(seed, (uint64_t)(at_ms / TOTP_STEP_MS));
}

bool crypto_totp_verify(struct str seed, struct str code, int64_t at_ms, int64_t last_step,
                        int64_t *step_out)
{
    if (code.len != TOTP_DIGITS || at_ms < TOTP_STEP_MS) {
        return false;
    }
    int64_t now_step = at_ms / TOTP_STEP_MS;
    int64_t found = -1;
    for (int64_t step = now_step - 1; step <= now_step + 1; step++) {
        char want[16];
        snprintf(want, sizeof(want), "%06u", (unsigned)hotp(seed, (uint64_t)step));
        bool same = str_eq_consttime(code, (struct str){want, TOTP_DIGITS});
        if (same && step > last_step && found < 0) {
            found = step;
        }
    }
    if (found < 0) {
        return false;
    }
    *step_out = found;
    return true;
}
