/* A customer's signed identity, twice: the bytes as the token itself, and as the claims of a token that is signed rightly, so that the reader of claims is
 * reached too. What is believed has an end, fits its caps, and is valid text. */
#include "base/check.h"
#include "base/timeutil.h"
#include "base/utf8.h"
#include "identity/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now = 1790000000000; /* some day in 2026 */

static bool verify(struct arena *arena, struct str token, struct customer_claims *claims)
{
    static const char public_key[32] = "thirty-two bytes of a public key";
    const struct customer_key keys[] = {{JWT_HS256, STR("a secret of the inbox, long enough")},
                                        {JWT_EDDSA, {public_key, sizeof(public_key)}}};
    struct errinfo info = {0};
    return identity_verify_customer_jwt(arena, keys, ARRAY_LEN(keys), STR("inbox"), token, now,
                                        claims, &info) == ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    ARENA_AUTO arena = arena_new(0);
    struct customer_claims c = {0};
    /* Nobody signs by chance. */
    ASSERT(!verify(arena, in, &c));
    if (size > 4096) {
        return 0;
    }
    struct str token = crypto_jwt_sign_hs256(arena, STR("a secret of the inbox, long enough"), in);
    if (verify(arena, token, &c)) {
        ASSERT(c.uid.len > 0 && utf8_count(c.uid) <= 128 && utf8_is_valid(c.uid));
        ASSERT(utf8_is_valid(c.name) && utf8_is_valid(c.email) && utf8_is_valid(c.tier));
        ASSERT(c.expires_at > now - TIME_MINUTE_MS * 2 && c.expires_at < now + TIME_HOUR_MS);
    }
    /* A signature is of these bytes: with one of them changed it holds no more. */
    char *bent = str_to_cstr(arena, token);
    bent[size % token.len] ^= 1;
    ASSERT(!verify(arena, (struct str){bent, token.len}, &c));
    return 0;
}
