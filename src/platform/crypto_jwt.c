/* JWT in compact form (RFC 7515, 7519): three base64url parts. Only what we need, strictly: the algorithm is the caller's, the header may carry nothing that
 * changes the meaning ("crit", "b64"), one text per token (the base64url decoder refuses stray bits and padding). */
#include <sodium.h>

#include "base/codec.h"
#include "base/json.h"
#include "platform/crypto.h"

#define HS256_KEY_MIN 16
#define HEADER_MAX 1024

struct parts {
    struct str header, payload, signature, signed_text;
};

static enum err split(struct str token, struct parts *out)
{
    struct str rest = token;
    struct str more;
    if (token.len > CRYPTO_JWT_MAX || !str_split(&rest, '.', &out->header) ||
        !str_split(&rest, '.', &out->payload) || !str_split(&rest, '.', &out->signature) ||
        str_split(&rest, '.', &more)) {
        return ERR_INVALID;
    }
    if (out->header.len == 0 || out->payload.len == 0) {
        return ERR_INVALID;
    }
    out->signed_text = str_sub(token, 0, out->header.len + 1 + out->payload.len);
    return ERR_OK;
}

static enum err check_header(struct arena *arena, struct str encoded, enum jwt_alg alg,
                             struct str *kid_out)
{
    struct str text;
    if (codec_unbase64url(arena, encoded, &text) != ERR_OK) {
        return ERR_INVALID;
    }
    struct json_doc *doc __attribute__((cleanup(json_doc_free))) = NULL;
    if (json_parse(text, HEADER_MAX, &doc, NULL) != ERR_OK || !json_is_object(json_root(doc))) {
        return ERR_INVALID;
    }
    const struct json *header = json_root(doc);
    const struct json *typ = json_find(header, "typ");
    if (json_find(header, "crit") != NULL || json_find(header, "b64") != NULL ||
        !json_is_string(json_find(header, "alg")) ||
        (typ != NULL && !str_eq_nocase(json_str(typ), STR("JWT")))) {
        return ERR_INVALID;
    }
    if (!str_eq_cstr(json_str(json_find(header, "alg")), alg == JWT_HS256 ? "HS256" : "EdDSA")) {
        return ERR_PROTOCOL;
    }
    *kid_out = str_dup(arena, json_str(json_find(header, "kid")));
    return ERR_OK;
}

static bool is_signed(enum jwt_alg alg, struct str key, struct str text, struct str signature)
{
    if (alg == JWT_EDDSA) {
        return key.len == crypto_sign_PUBLICKEYBYTES && signature.len == crypto_sign_BYTES &&
               crypto_sign_verify_detached((const unsigned char *)signature.p,
                                           (const unsigned char *)text.p, text.len,
                                           (const unsigned char *)key.p) == 0;
    }
    uint8_t mac[32];
    if (key.len < HS256_KEY_MIN || signature.len != sizeof(mac)) {
        return false;
    }
    crypto_hmac_sha256(key, text, mac);
    return sodium_memcmp(mac, signature.p, sizeof(mac)) == 0;
}

enum err crypto_jwt_verify(struct arena *arena, enum jwt_alg alg, struct str key, struct str token,
                           struct str *claims_out, struct str *kid_out)
{
    struct parts parts;
    enum err err = split(token, &parts);
    struct str kid = {"", 0};
    if (err == ERR_OK) {
        err = check_header(arena, parts.header, alg, &kid);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct str signature;
    struct str claims;
    if (codec_unbase64url(arena, parts.signature, &signature) != ERR_OK ||
        codec_unbase64url(arena, parts.payload, &claims) != ERR_OK) {
        return ERR_INVALID;
    }
    if (!is_signed(alg, key, parts.signed_text, signature)) {
        return ERR_DENIED;
    }
    *claims_out = claims;
    if (kid_out != NULL) {
        *kid_out = kid;
    }
    return ERR_OK;
}

struct str crypto_jwt_sign_hs256(struct arena *arena, struct str key, struct str claims)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    struct str h = codec_base64url(arena, header, sizeof(header) - 1);
    struct str p = codec_base64url(arena, claims.p, claims.len);
    struct str text = str_printf(arena, STR_FMT "." STR_FMT, STR_ARG(h), STR_ARG(p));
    uint8_t mac[32];
    crypto_hmac_sha256(key, text, mac);
    struct str s = codec_base64url(arena, mac, sizeof(mac));
    return str_printf(arena, STR_FMT "." STR_FMT, STR_ARG(text), STR_ARG(s));
}
