/* Cryptography by name, over libsodium and OpenSSL: hashes, MACs, tokens, passwords, TOTP, JWT. Constant-time where secrets are compared. */
#ifndef PLATFORM_CRYPTO_H
#define PLATFORM_CRYPTO_H

#include "base/arena.h"
#include "base/err.h"

ERR_MUST_USE enum err crypto_init(void); /* once, at start */

void crypto_sha256(struct str data, uint8_t out[32]);
void crypto_sha256_hex(struct str data, char out[65]);
/* The same over pieces: begin, add ..., end. */
struct crypto_sha256_stream {
    uint64_t state[16];
};
void crypto_sha256_begin(struct crypto_sha256_stream *s);
void crypto_sha256_add(struct crypto_sha256_stream *s, struct str piece);
void crypto_sha256_end(struct crypto_sha256_stream *s, char hex_out[65]);
void crypto_hmac_sha256(struct str key, struct str data, uint8_t out[32]);
/* 32 random bytes as base64url (43 characters), for session tokens and invitations; store crypto_sha256 of it. */
struct str crypto_token(struct arena *arena);

/* Argon2id, interactive limits or stronger; result is the self-describing string (<= 128 bytes). Slow on purpose: on a worker, outside transactions.
 * At most two run at a time (64 MB each), the others wait. hash: ERR_UNAVAILABLE when the memory cannot be had. */
ERR_MUST_USE enum err crypto_password_hash(struct str password, char out[128]);
bool crypto_password_verify(const char *hash, struct str password);
bool crypto_password_needs_rehash(const char *hash);

/* Secrets at rest (TOTP seeds, connector keys): XChaCha20-Poly1305 under the installation's key; `context` is bound to the ciphertext. */
struct str crypto_seal(struct arena *arena, const uint8_t key[32], struct str context,
                       struct str plain);
ERR_MUST_USE enum err crypto_open(struct arena *arena, const uint8_t key[32], struct str context,
                                  struct str sealed, struct str *plain_out);

/* RFC 6238, SHA-1, 6 digits, 30 s. verify accepts one step either side, and gives the step used so that a code works once. */
uint32_t crypto_totp(struct str seed, int64_t at_ms);
bool crypto_totp_verify(struct str seed, struct str code, int64_t at_ms, int64_t last_step,
                        int64_t *step_out);

/* JWT (RFC 7519), only HS256 and EdDSA, algorithm chosen by the caller, never by the token. Verifies the signature and returns the claims' JSON text;
 * exp/nbf/iat/aud are the caller's to check. ERR_INVALID for anything malformed, ERR_PROTOCOL when the token names another algorithm ("none" included),
 * ERR_DENIED for a bad signature. HS256 keys have at least 16 bytes, EdDSA keys are 32-byte Ed25519 public keys. Tokens are capped at CRYPTO_JWT_MAX. */
#define CRYPTO_JWT_MAX 8192
enum jwt_alg { JWT_HS256, JWT_EDDSA };
ERR_MUST_USE enum err crypto_jwt_verify(struct arena *arena, enum jwt_alg alg, struct str key,
                                        struct str token, struct str *claims_out,
                                        struct str *kid_out);
struct str crypto_jwt_sign_hs256(struct arena *arena, struct str key,
                                 struct str claims); /* demo page and tests */

#endif
