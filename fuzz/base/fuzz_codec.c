/* First byte: which codec. What decodes encodes back to the same text (strict decoders: one text per value). */
#include "base/check.h"
#include "base/codec.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct arena *arena, int which, struct str s)
{
    struct str out;
    struct str back = s;
    switch (which) {
    case 0:
        if (codec_unhex(arena, s, &out) == ERR_OK) {
            back = codec_hex(arena, out.p, out.len);
            ASSERT(str_eq_nocase(back, s));
        }
        break;
    case 1:
        if (codec_unbase64(arena, s, &out) == ERR_OK) {
            back = codec_base64(arena, out.p, out.len);
            ASSERT(str_eq(back, s));
        }
        break;
    case 2:
        if (codec_unbase64url(arena, s, &out) == ERR_OK) {
            back = codec_base64url(arena, out.p, out.len);
            ASSERT(str_eq(back, s));
        }
        break;
    case 3:
        if (codec_unbase32(arena, s, &out) == ERR_OK) {
            back = codec_base32(arena, out.p, out.len);
            ASSERT(str_eq(back, s));
        }
        break;
    default:
        if (codec_unpercent(arena, s, which == 4, &out) == ERR_OK) {
            ASSERT(utf8_is_valid(out));
            enum err err = codec_unpercent(arena, codec_percent(arena, out), false, &back);
            ASSERT(err == ERR_OK && str_eq(back, out));
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    ARENA_AUTO arena = arena_new(0);
    struct str s = {(const char *)data + 1, size - 1};
    check(arena, data[0] % 6, s);
    BUF_AUTO b;
    buf_init(&b, size * 6);
    ASSERT(codec_html_escape(&b, s) == ERR_OK);
    for (size_t i = 0; i < b.len; i++) {
        ASSERT(b.p[i] != '<' && b.p[i] != '>' && b.p[i] != '"' && b.p[i] != '\'');
    }
    return 0;
}
