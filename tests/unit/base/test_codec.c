#include "base/codec.h"

#include "base/check.h"
#include "base/utf8.h"
#include "groups.h"
#include "unit.h"

/* RFC 4648 section 10. */
static void published_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *base64, *base64url, *base32, *hex;
    } cases[] = {
        {"", "", "", "", ""},
        {"f", "Zg==", "Zg", "MY", "66"},
        {"fo", "Zm8=", "Zm8", "MZXQ", "666f"},
        {"foo", "Zm9v", "Zm9v", "MZXW6", "666f6f"},
        {"foob", "Zm9vYg==", "Zm9vYg", "MZXW6YQ", "666f6f62"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE", "MZXW6YTB", "666f6f6261"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy", "MZXW6YTBOI", "666f6f626172"},
        {"\xfb\xff\xbf", "+/+/", "-_-_", "7P736", "fbffbf"},
    };
    ARENA_AUTO arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str plain = str_from(cases[i].plain);
        assert_str(codec_base64(arena, plain.p, plain.len), cases[i].base64);
        assert_str(codec_base64url(arena, plain.p, plain.len), cases[i].base64url);
        assert_str(codec_base32(arena, plain.p, plain.len), cases[i].base32);
        assert_str(codec_hex(arena, plain.p, plain.len), cases[i].hex);
    }
}

static void random_bytes_round_trip(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "codec");
    for (int round = 0; round < 2000; round++) {
        ARENA_AUTO arena = arena_new(0);
        unsigned char bytes[100];
        size_t len = (size_t)rng_below(&r, sizeof(bytes));
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (unsigned char)rng_next(&r);
        }
        struct str plain = {(const char *)bytes, len};
        struct str out;
        assert_ok(codec_unhex(arena, codec_hex(arena, bytes, len), &out));
        assert_str_eq(out, plain);
        assert_ok(codec_unbase64(arena, codec_base64(arena, bytes, len), &out));
        assert_str_eq(out, plain);
        assert_ok(codec_unbase64url(arena, codec_base64url(arena, bytes, len), &out));
        assert_str_eq(out, plain);
        assert_ok(codec_unbase32(arena, codec_base32(arena, bytes, len), &out));
        assert_str_eq(out, plain);
        enum err err = codec_unpercent(arena, codec_percent(arena, plain), false, &out);
        bool texty = utf8_is_valid(plain) && str_find_char(plain, '\0') == SIZE_MAX;
        assert_err(err, texty ? ERR_OK : ERR_INVALID);
        if (texty) {
            assert_str_eq(out, plain);
        }
    }
}

typedef enum err decoder(struct arena *arena, struct str s, struct str *out);

static enum err unpercent(struct arena *arena, struct str s, struct str *out)
{
    return codec_unpercent(arena, s, false, out);
}

static void decoders_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        decoder *decode;
        const char *text;
    } cases[] = {
        {"hex odd", codec_unhex, "abc"},
        {"hex letter", codec_unhex, "ag"},
        {"hex space", codec_unhex, "a b0"},
        {"base64 without padding", codec_unbase64, "Zg"},
        {"base64 short padding", codec_unbase64, "Zg="},
        {"base64 only padding", codec_unbase64, "===="},
        {"base64 three pads", codec_unbase64, "Z==="},
        {"base64 pad inside", codec_unbase64, "Zg==Zg=="},
        {"base64 url letters", codec_unbase64, "-_-_"},
        {"base64 dirty bits", codec_unbase64, "Zh=="},
        {"base64 newline", codec_unbase64, "Zm9\n"},
        {"base64url padding", codec_unbase64url, "Zg=="},
        {"base64url plain letters", codec_unbase64url, "+/+/"},
        {"base64url one left", codec_unbase64url, "Zm9vY"},
        {"base64url dirty bits", codec_unbase64url, "Zh"},
        {"base32 lower", codec_unbase32, "my"},
        {"base32 padding", codec_unbase32, "MY======"},
        {"base32 digit 1", codec_unbase32, "M1"},
        {"base32 one left", codec_unbase32, "M"},
        {"base32 three", codec_unbase32, "MZX"},
        {"base32 dirty bits", codec_unbase32, "MZ"},
        {"percent cut", unpercent, "a%2"},
        {"percent alone", unpercent, "%"},
        {"percent junk", unpercent, "%zz"},
        {"percent NUL", unpercent, "a%00b"},
        {"percent overlong", unpercent, "%C0%AF"},
        {"percent surrogate", unpercent, "%ED%A0%80"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct str out = STR("untouched");
        assert_case(cases[i].decode(arena, str_from(cases[i].text), &out) == ERR_INVALID,
                    cases[i].name);
        assert_case(str_eq_cstr(out, "untouched"), cases[i].name);
    }
}

static void percent_and_html(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct str out;
    assert_ok(codec_unpercent(arena, STR("a+b%20c%E5%86%BB"), true, &out));
    assert_str(out, "a b c\xE5\x86\xBB");
    assert_ok(codec_unpercent(arena, STR("a+b%2e"), false, &out));
    assert_str(out, "a+b.");
    assert_str(codec_percent(arena, STR("a/b c~\xE5\x86\xBB")), "a%2Fb%20c~%E5%86%BB");
    BUF_AUTO b;
    buf_init(&b, 100);
    assert_ok(codec_html_escape(&b, STR("<a href=\"x\">'&'</a>")));
    assert_str(buf_str(&b), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    BUF_AUTO small;
    buf_init(&small, 3);
    assert_err(codec_html_escape(&small, STR("<")), ERR_LIMIT);
}

int test_codec(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(random_bytes_round_trip),
        cmocka_unit_test(decoders_are_strict),
        cmocka_unit_test(percent_and_html),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
