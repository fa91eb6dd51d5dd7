/* The claims of a token signed by the exchange's back end. Pure.
 *
 * Every configured key is tried under the key's own algorithm; the most telling refusal is reported: a bad signature under one key says more than another key's
 * algorithm not being the token's. */
#include <math.h>

#include "base/json.h"
#include "base/timeutil.h"
#include "base/utf8.h"
#include "identity/identity.h"

#define SKEW_MS (60 * TIME_SECOND_MS)
#define MAX_AHEAD_MS (10 * TIME_MINUTE_MS)
#define MAX_AUDIENCES 8
#define MAX_CLAIMS_LEN 4096

static enum err refuse(struct errinfo *info, const char *code, const char *message)
{
    return err_set(info, ERR_UNAUTHORIZED, "identity", code, "%s", message);
}

static enum err verify(struct arena *arena, const struct customer_key *keys, size_t n_keys,
                       struct str token, struct str *claims_out, struct errinfo *info)
{
    bool is_malformed = n_keys == 0;
    bool has_bad_signature = false;
    for (size_t i = 0; i < n_keys; i++) {
        struct str kid;
        enum err err = crypto_jwt_verify(arena, keys[i].alg, keys[i].key, token, claims_out, &kid);
        if (err == ERR_OK) {
            return ERR_OK;
        }
        is_malformed = is_malformed || err == ERR_INVALID;
        has_bad_signature = has_bad_signature || err == ERR_DENIED;
    }
    if (n_keys == 0) {
        return refuse(info, "identity_signature", "This inbox has no signing key.");
    }
    if (is_malformed) {
        return refuse(info, "identity_malformed", "The identity is not a signed token (JWT).");
    }
    return has_bad_signature
               ? refuse(info, "identity_signature", "The signature of the identity is wrong.")
               : refuse(info, "identity_algorithm",
                        "The identity is not signed with an algorithm of this inbox.");
}

/* NumericDate in whole or fractional seconds. */
static bool read_time(const struct json *o, const char *key, int64_t *out)
{
    const struct json *v = json_find(o, key);
    double s = json_num(v);
    if (!json_is_number(v) || !(s > 0) || !(s < 1e11)) {
        return false;
    }
    *out = (int64_t)floor(s * 1000.0);
    return true;
}

static bool has_audience(const struct json *aud, struct str inbox_key)
{
    if (json_is_string(aud)) {
        return str_eq(json_str(aud), inbox_key);
    }
    if (!json_is_array(aud) || json_len(aud) > MAX_AUDIENCES) {
        return false;
    }
    for (const struct json *v = json_first(aud); v != NULL; v = json_next(v)) {
        if (json_is_string(v) && str_eq(json_str(v), inbox_key)) {
            return true;
        }
    }
    return false;
}

static enum err check_times(const struct json *o, int64_t now, int64_t *expires_out,
                            struct errinfo *info)
{
    int64_t exp = 0;
    int64_t iat = 0;
    int64_t nbf = 0;
    if (!read_time(o, "exp", &exp) || !read_time(o, "iat", &iat)) {
        return refuse(info, "identity_claims",
                      "The identity needs exp and iat (seconds since 1970).");
    }
    if (json_find(o, "nbf") != NULL && !read_time(o, "nbf", &nbf)) {
        return refuse(info, "identity_claims", "nbf of the identity must be seconds since 1970.");
    }
    if (exp <= now - SKEW_MS) {
        return refuse(info, "identity_expired",
                      "The identity has expired. Ask the exchange's back end for a new one.");
    }
    if (iat > now + SKEW_MS || nbf > now + SKEW_MS) {
        return refuse(
            info, "identity_not_yet",
            "The identity is from the future. Check the clock of the exchange's back end.");
    }
    if (exp > now + MAX_AHEAD_MS + SKEW_MS || exp - iat > MAX_AHEAD_MS + SKEW_MS) {
        return refuse(info, "identity_too_long",
                      "The identity is good for too long: at most 10 minutes.");
    }
    *expires_out = exp;
    return ERR_OK;
}

/* Optional text; absent is empty. False when it is no text, too long, or has control characters. */
static bool read_text(struct arena *arena, const struct json *o, const char *key, size_t max,
                      struct str *out)
{
    struct str s = {"", 0};
    if (json_opt_str(o, key, max, &s, NULL) != ERR_OK || str_find_char(s, '\n') != SIZE_MAX) {
        return false;
    }
    *out = str_dup(arena, str_trim(s));
    return true;
}

enum err identity_verify_customer_jwt(struct arena *arena, const struct customer_key *keys,
                                      size_t n_keys, struct str inbox_key, struct str token,
                                      int64_t now, struct customer_claims *out,
                                      struct errinfo *info)
{
    struct str text;
    enum err err = verify(arena, keys, n_keys, token, &text, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_doc *doc __attribute__((cleanup(json_doc_free))) = NULL;
    if (json_parse(text, MAX_CLAIMS_LEN, &doc, NULL) != ERR_OK || !json_is_object(json_root(doc))) {
        return refuse(info, "identity_malformed",
                      "The claims of the identity are not a JSON object.");
    }
    const struct json *o = json_root(doc);
    if (!has_audience(json_find(o, "aud"), inbox_key)) {
        return refuse(info, "identity_audience", "The identity was made for another inbox (aud).");
    }
    struct customer_claims c = {0};
    err = check_times(o, now, &c.expires_at, info);
    if (err != ERR_OK) {
        return err;
    }
    if (!read_text(arena, o, "sub", 128, &c.uid) || c.uid.len == 0) {
        return refuse(
            info, "identity_claims",
            "The identity needs sub: the customer's id at the exchange, 1 to 128 characters.");
    }
    if (!read_text(arena, o, "name", 80, &c.name) || !read_text(arena, o, "email", 254, &c.email) ||
        !read_text(arena, o, "tier", 20, &c.tier) ||
        !read_text(arena, o, "locale", 20, &c.locale) || !read_text(arena, o, "jti", 128, &c.jti)) {
        return refuse(info, "identity_claims",
                      "name, email, tier, locale or jti of the identity is no text or too long.");
    }
    *out = c;
    return ERR_OK;
}
