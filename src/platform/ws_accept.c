#include "platform/ws_accept.h"

#include <openssl/evp.h>

#include "base/check.h"

struct str ws_accept_answer(struct str key, char out[32])
{
    char joined[24 + 36];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    memcpy(joined, key.p, 24);
    memcpy(joined + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    ASSERT(EVP_Digest(joined, sizeof(joined), digest, &len, EVP_sha1(), NULL) == 1);
    return (struct str){out, (size_t)EVP_EncodeBlock((unsigned char *)out, digest, (int)len)};
}

bool ws_accept_key_is_good(struct str key)
{
    if (key.len != 24 || key.p[22] != '=' || key.p[23] != '=') {
        return false;
    }
    for (size_t i = 0; i < 22; i++) {
        char c = key.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/')) {
            return false;
        }
    }
    return true;
}
