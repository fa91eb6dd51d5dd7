/* Addresses and their checksums. Vectors: EIP-55, BIP 173, BIP 350, well-known contracts; each address again with every single letter changed. */
#include "unit.h"

#include "base/check.h"
#include "guard/guard.h"
#include "guard/keccak.h"

static void keccak_gives_known_hashes(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text;
        uint8_t first[4];
    } cases[] = {{"", {0xc5, 0xd2, 0x46, 0x01}},
                 {"abc", {0x4e, 0x03, 0x65, 0x7a}},
                 {"Transfer(address,address,uint256)", {0xdd, 0xf2, 0x52, 0xad}}};
    uint8_t hash[32];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        keccak_256(str_from(cases[i].text), hash);
        assert_memory_equal(hash, cases[i].first, 4);
    }
    /* Around the rate: every length is padded to its own hash. */
    char text[300];
    uint8_t before[32] = {0};
    memset(text, 'a', sizeof(text));
    for (size_t n = 130; n < 280; n++) {
        keccak_256((struct str){text, n}, hash);
        assert_memory_not_equal(hash, before, 32);
        memcpy(before, hash, 32);
    }
}

static const struct {
    const char *text;
    enum address_chain chain;
    enum address_checksum checksum;
} known[] = {
    {"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", ADDRESS_TRON, CHECKSUM_OK},
    {"TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", ADDRESS_TRON, CHECKSUM_OK},
    {"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6T", ADDRESS_TRON, CHECKSUM_BAD},
    {"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6", ADDRESS_TRON, CHECKSUM_BAD},
    {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", ADDRESS_BITCOIN, CHECKSUM_OK},
    {"1111111111111111111114oLvT2", ADDRESS_BITCOIN, CHECKSUM_OK},
    {"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", ADDRESS_BITCOIN, CHECKSUM_OK},
    {"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", ADDRESS_BITCOIN_TESTNET, CHECKSUM_OK},
    {"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", ADDRESS_BITCOIN, CHECKSUM_OK},
    {"bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", ADDRESS_BITCOIN,
     CHECKSUM_OK},
    {"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", ADDRESS_BITCOIN,
     CHECKSUM_OK},
    {"tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy", ADDRESS_BITCOIN_TESTNET,
     CHECKSUM_OK},
    /* Version 1 with the old checksum, version 0 with the new one, mixed case, wrong program length. */
    {"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", ADDRESS_BITCOIN,
     CHECKSUM_BAD},
    {"BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL", ADDRESS_BITCOIN,
     CHECKSUM_BAD},
    {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", ADDRESS_BITCOIN, CHECKSUM_BAD},
    {"bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ADDRESS_BITCOIN, CHECKSUM_BAD},
    {"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", ADDRESS_BITCOIN, CHECKSUM_BAD},
    {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", ADDRESS_EVM, CHECKSUM_OK},
    {"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", ADDRESS_EVM, CHECKSUM_OK},
    {"0xdAC17F958D2ee523a2206206994597C13D831ec7", ADDRESS_EVM, CHECKSUM_OK},
    {"0xdac17f958d2ee523a2206206994597c13d831ec7", ADDRESS_EVM, CHECKSUM_NONE},
    {"0xDAC17F958D2EE523A2206206994597C13D831EC7", ADDRESS_EVM, CHECKSUM_NONE},
    {"0xdaC17F958D2ee523a2206206994597C13D831ec7", ADDRESS_EVM, CHECKSUM_BAD},
};

static void known_addresses_are_judged(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct address a;
        assert_case(address_parse(str_from(known[i].text), &a), known[i].text);
        assert_case(a.chain == known[i].chain, known[i].text);
        assert_case(a.checksum == known[i].checksum, known[i].text);
    }
}

static void other_words_are_no_addresses(void **state)
{
    UNUSED(state);
    static const char *const texts[] = {"",
                                        "T",
                                        "1",
                                        "hello",
                                        "transaction",
                                        "0x",
                                        "0xdac17f958d2ee523a2206206994597c13d831ec",
                                        "0xgac17f958d2ee523a2206206994597c13d831ec7",
                                        "bc1",
                                        "123456789012345678901234567",
                                        "1234567890123456789012345678901234",
                                        "Thisisaverylongwordwithoutanynumber",
                                        "misunderstandingsandmisconceptions1",
                                        "bc1-qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct address a;
        assert_case(!address_parse(str_from(texts[i]), &a), texts[i]);
    }
}

/* A checksum that catches every single wrong letter, or there is something else to read it as. */
static void one_wrong_letter_is_noticed(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].checksum != CHECKSUM_OK) {
            continue;
        }
        char text[ADDRESS_MAX_LEN + 1] = {0};
        size_t len = strlen(known[i].text);
        memcpy(text, known[i].text, len);
        for (size_t at = known[i].chain == ADDRESS_EVM ? 2 : 4; at < len; at++) {
            char was = text[at];
            text[at] = was == '7' ? '8' : '7';
            struct address a;
            assert_case(!address_parse((struct str){text, len}, &a) || a.checksum == CHECKSUM_BAD,
                        text);
            text[at] = was;
        }
    }
}

static void the_normal_form_is_one(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    static const char *const pairs[][2] = {
        {"0xDAC17F958D2EE523A2206206994597C13D831EC7",
         "0xdAC17F958D2ee523a2206206994597C13D831ec7"},
        {"0XDAC17F958D2EE523A2206206994597C13D831EC7",
         "0xdAC17F958D2ee523a2206206994597C13D831ec7"},
        {"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
         "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
        {"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"},
        {"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct address a;
        assert_true(address_parse(str_from(pairs[i][0]), &a));
        struct str normal = address_normal(arena, str_from(pairs[i][0]), &a);
        assert_str(normal, pairs[i][1]);
        struct address again;
        assert_true(address_parse(normal, &again) && again.chain == a.chain &&
                    again.checksum == CHECKSUM_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keccak_gives_known_hashes), cmocka_unit_test(known_addresses_are_judged),
        cmocka_unit_test(other_words_are_no_addresses),
        cmocka_unit_test(one_wrong_letter_is_noticed), cmocka_unit_test(the_normal_form_is_one)};
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
