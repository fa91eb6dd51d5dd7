/* What must be seen, and what must be left alone: a warning that comes too often is passed over. */
#include "unit.h"

#include "base/rng.h"
#include "guard/secret.h"

#define PHRASE                                                                                     \
    "abandon ability able about above absent absorb abstract absurd abuse access accident"
#define HEX64 "ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34"

static void secrets_are_seen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum guard_secret want;
    } cases[] = {
        {PHRASE, GUARD_SECRET_PHRASE},
        {"我的助记词 " PHRASE, GUARD_SECRET_PHRASE},
        {"1. abandon\n2. ability\n3. able\n4. about\n5. above\n6. absent\n7. absorb\n8. "
         "abstract\n9. absurd\n10. abuse\n11. access\n12. accident",
         GUARD_SECRET_PHRASE},
        {"my words are: " PHRASE ".", GUARD_SECRET_PHRASE},
        {PHRASE " " PHRASE, GUARD_SECRET_PHRASE},
        {"use 5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ now", GUARD_SECRET_KEY},
        {"KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn", GUARD_SECRET_KEY},
        {"private key: " HEX64, GUARD_SECRET_KEY},
        {"Private Key is 0x" HEX64, GUARD_SECRET_KEY},
        {"私钥是 0x" HEX64, GUARD_SECRET_KEY},
        {"my 2FA code is 482913", GUARD_SECRET_CODE},
        {"验证码：482913", GUARD_SECRET_CODE},
        {"动态码 482913 发给你了", GUARD_SECRET_CODE},
        {"my password is hunter2hunter", GUARD_SECRET_PASSWORD},
        {"Password: Velvet-93", GUARD_SECRET_PASSWORD},
        {"登录密码是 abc12345", GUARD_SECRET_PASSWORD},
        {"密码：abc12345，登不上", GUARD_SECRET_PASSWORD},
        {"4111 1111 1111 1111", GUARD_SECRET_CARD},
        {"pay with 5500-0000-0000-0004", GUARD_SECRET_CARD},
        {"my card 4111111111111111 is charged", GUARD_SECRET_CARD},
        {"银行卡号4111111111111111", GUARD_SECRET_CARD},
        {"a transaction", GUARD_SECRET_NONE},
        {HEX64, GUARD_SECRET_NONE},
        {"0x" HEX64 " is not there", GUARD_SECRET_NONE},
        {"TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", GUARD_SECRET_NONE},
        {"I sent 482913 USDT", GUARD_SECRET_NONE},
        {"I forgot my password, how can I reset it?", GUARD_SECRET_NONE},
        {"my password is wrong all the time", GUARD_SECRET_NONE},
        {"my password is incorrect", GUARD_SECRET_NONE},
        {"密码是不是要重置？", GUARD_SECRET_NONE},
        {"收不到验证码怎么办", GUARD_SECRET_NONE},
        {"order 482913 is open", GUARD_SECRET_NONE},
        {"4111111111111111", GUARD_SECRET_NONE},
        {"4111 1111 1111 1112", GUARD_SECRET_NONE},
        {"order 1234567890123456", GUARD_SECRET_NONE},
        {"what is a private key", GUARD_SECRET_NONE},
        {"i sent some coins last week but they are not there and nobody can tell me when they will "
         "arrive",
         GUARD_SECRET_NONE},
        {"", GUARD_SECRET_NONE},
        {"\xFF\xFE", GUARD_SECRET_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum guard_secret got = guard_find_secret(str_from(cases[i].text));
        if (got != cases[i].want) {
            fail_msg("\"%s\": got %d, want %d", cases[i].text, (int)got, (int)cases[i].want);
        }
    }
}

/* Any bytes: an answer, within the text (the sanitizers watch). */
static void any_bytes_are_read(void **state)
{
    (void)state;
    static const char alphabet[] = "abKL5 09.,-:=\n\xE5\xAF\x86\xE7\xA0\x81password2facard";
    struct rng rng;
    rng_init(&rng, 20260101);
    for (int round = 0; round < 3000; round++) {
        char text[200];
        size_t n = (size_t)(rng_next(&rng) % sizeof text);
        for (size_t i = 0; i < n; i++) {
            text[i] = alphabet[rng_next(&rng) % (sizeof alphabet - 1)];
        }
        (void)guard_find_secret((struct str){text, n});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(secrets_are_seen),
                                       cmocka_unit_test(any_bytes_are_read)};
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
