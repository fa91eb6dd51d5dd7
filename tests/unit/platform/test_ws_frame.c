/* RFC 6455 frames: the examples of section 5.7, every rule by name, and every way to cut the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "platform/ws_frame.h"

/* Client frame into out (masked); returns its length. */
static size_t client_frame(char *out, unsigned b0, const char *payload, size_t len)
{
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    size_t n = 0;
    out[n++] = (char)b0;
    if (len < 126) {
        out[n++] = (char)(0x80 | len);
    } else if (len < 65536) {
        out[n++] = (char)0xfe;
        out[n++] = (char)(len >> 8);
        out[n++] = (char)len;
    } else {
        out[n++] = (char)0xff;
        for (int i = 7; i >= 0; i--) {
            out[n++] = (char)((uint64_t)len >> (8 * i));
        }
    }
    memcpy(out + n, mask, 4);
    n += 4;
    for (size_t i = 0; i < len; i++) {
        out[n++] = (char)((unsigned char)payload[i] ^ mask[i & 3]);
    }
    return n;
}

/* What a stream of bytes decodes to, as text: "T:hello|P:x|C1000:bye|F1002|" */
static void decode_all(const char *bytes, size_t len, size_t piece, size_t max, char *out,
                       size_t size)
{
    struct ws_decoder d;
    size_t n = 0;
    out[0] = '\0';
    ws_decoder_init(&d, max);
    for (size_t at = 0; at < len;) {
        size_t take = len - at < piece ? len - at : piece;
        char *copy = mem_alloc(take); /* exact size: a sanitizer sees any step outside */
        memcpy(copy, bytes + at, take);
        at += take;
        size_t used = 0;
        bool ended = false;
        while (!ended) {
            struct ws_item item;
            size_t u;
            enum ws_result r = ws_decoder_next(&d, copy + used, take - used, &u, &item);
            used += u;
            static const char kinds[] = {[WS_TEXT] = 'T', [WS_BINARY] = 'B', [WS_PING] = 'P',
                                         [WS_PONG] = 'O', [WS_CLOSE] = 'C',  [WS_FAILED] = 'F'};
            if (r == WS_MORE) {
                ended = true;
            } else if (r == WS_FAILED || r == WS_CLOSE) {
                n += (size_t)snprintf(out + n, size - n, "%c%d:" STR_FMT "|", kinds[r], item.code,
                                      STR_ARG(item.bytes));
                at = r == WS_FAILED ? len : at;
                ended = r == WS_FAILED;
            } else if (item.bytes.len > 200) {
                n += (size_t)snprintf(out + n, size - n, "%c:#%zu|", kinds[r], item.bytes.len);
            } else {
                n += (size_t)snprintf(out + n, size - n, "%c:" STR_FMT "|", kinds[r],
                                      STR_ARG(item.bytes));
            }
        }
        mem_free(copy);
    }
    ws_decoder_release(&d);
}

static void check_every_cut(const char *name, const char *bytes, size_t len, const char *wanted)
{
    char got[2048];
    for (size_t piece = 1; piece <= len; piece++) {
        decode_all(bytes, len, piece, 70000, got, sizeof(got));
        if (strcmp(got, wanted) != 0) {
            fail_msg("%s in pieces of %zu: %s instead of %s", name, piece, got, wanted);
        }
        piece += len > 400 ? 37 : 0;
    }
}

static void rfc_examples(void **state)
{
    (void)state;
    check_every_cut("masked hello", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11, "T:Hello|");
    uint8_t head[WS_HEAD_MAX];
    assert_int_equal(ws_encode_head(head, WS_OP_TEXT, true, 5), 2);
    assert_memory_equal(head, "\x81\x05", 2);
    assert_int_equal(ws_encode_head(head, WS_OP_TEXT, false, 3), 2);
    assert_memory_equal(head, "\x01\x03", 2);
    assert_int_equal(ws_encode_head(head, WS_OP_BINARY, true, 256), 4);
    assert_memory_equal(head, "\x82\x7E\x01\x00", 4);
    assert_int_equal(ws_encode_head(head, WS_OP_BINARY, true, 65536), 10);
    assert_memory_equal(head, "\x82\x7F\0\0\0\0\0\x01\0\0", 10);
    assert_int_equal(ws_encode_head(head, WS_OP_BINARY, true, 125), 2);
    assert_int_equal(ws_encode_head(head, WS_OP_BINARY, true, 126), 4);
    assert_int_equal(ws_encode_head(head, WS_OP_BINARY, true, 65535), 4);
}

struct part {
    unsigned b0;
    const char *payload;
    size_t len;
};

static const struct {
    const char *name;
    struct part parts[6];
    const char *wanted;
} stream_cases[] = {
    {"empty text", {{0x81, "", 0}}, "T:|"},
    {"binary", {{0x82, "\xff\x01", 2}}, "B:\xff\x01|"},
    {"two messages", {{0x81, "a", 1}, {0x81, "b", 1}}, "T:a|T:b|"},
    {"three fragments", {{0x01, "ab", 2}, {0x00, "cd", 2}, {0x80, "ef", 2}}, "T:abcdef|"},
    {"empty fragments", {{0x01, "", 0}, {0x00, "", 0}, {0x80, "", 0}}, "T:|"},
    {"ping between fragments", {{0x01, "ab", 2}, {0x89, "p", 1}, {0x80, "cd", 2}}, "P:p|T:abcd|"},
    {"pong unasked", {{0x8A, "x", 1}}, "O:x|"},
    {"character split over fragments",
     {{0x01, "\xE9\x80", 2}, {0x80, "\x80", 1}},
     "T:\xE9\x80\x80|"},
    {"close with reason",
     {{0x88,
       "\x03\xE8"
       "bye",
       5}},
     "C1000:bye|"},
    {"close without code", {{0x88, "", 0}}, "C1005:|"},
    {"private code", {{0x88, "\x0F\xA0", 2}}, "C4000:|"},
    {"continuation first", {{0x80, "a", 1}}, "F1002:|"},
    {"text inside text", {{0x01, "a", 1}, {0x81, "b", 1}}, "F1002:|"},
    {"binary inside text", {{0x01, "a", 1}, {0x02, "b", 1}}, "F1002:|"},
    {"continuation after the end",
     {{0x01, "a", 1}, {0x80, "b", 1}, {0x80, "c", 1}},
     "T:ab|F1002:|"},
    {"rsv1", {{0xC1, "a", 1}}, "F1002:|"},
    {"rsv2", {{0xA1, "a", 1}}, "F1002:|"},
    {"rsv3", {{0x91, "a", 1}}, "F1002:|"},
    {"opcode 3", {{0x83, "a", 1}}, "F1002:|"},
    {"opcode 11", {{0x8B, "a", 1}}, "F1002:|"},
    {"fragmented ping", {{0x09, "a", 1}}, "F1002:|"},
    {"fragmented close", {{0x08, "\x03\xE8", 2}}, "F1002:|"},
    {"close of one byte", {{0x88, "\x03", 1}}, "F1002:|"},
    {"close code 1005", {{0x88, "\x03\xED", 2}}, "F1002:|"},
    {"close code 1006", {{0x88, "\x03\xEE", 2}}, "F1002:|"},
    {"close code 999", {{0x88, "\x03\xE7", 2}}, "F1002:|"},
    {"close code 1016", {{0x88, "\x03\xF8", 2}}, "F1002:|"},
    {"close code 2999", {{0x88, "\x0B\xB7", 2}}, "F1002:|"},
    {"close code 5000", {{0x88, "\x13\x88", 2}}, "F1002:|"},
    {"close reason not utf-8", {{0x88, "\x03\xE8\xFF", 3}}, "F1007:|"},
    {"overlong", {{0x81, "\xC0\x80", 2}}, "F1007:|"},
    {"surrogate", {{0x81, "\xED\xA0\x80", 3}}, "F1007:|"},
    {"above 10FFFF", {{0x81, "\xF4\x90\x80\x80", 4}}, "F1007:|"},
    {"ends inside a character", {{0x81, "a\xE9\x80", 3}}, "F1007:|"},
    {"bad utf-8 in a fragment fails before the end", {{0x01, "\xFF", 1}, {0x80, "", 0}}, "F1007:|"},
};

static void messages_and_fragments(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stream_cases); i++) {
        char bytes[512];
        size_t n = 0;
        for (const struct part *p = stream_cases[i].parts; p->payload; p++) {
            n += client_frame(bytes + n, p->b0, p->payload, p->len);
        }
        check_every_cut(stream_cases[i].name, bytes, n, stream_cases[i].wanted);
    }
}

static void lengths_and_masks(void **state)
{
    (void)state;
    check_every_cut("not masked", "\x81\x01x", 3, "F1002:|");
    check_every_cut("16-bit length that fits 7", "\x81\xFE\x00\x7D\0\0\0\0", 8, "F1002:|");
    check_every_cut("64-bit length that fits 16", "\x81\xFF\0\0\0\0\0\0\xFF\xFF\0\0\0\0", 14,
                    "F1002:|");
    check_every_cut("sign bit of the length", "\x81\xFF\x80\0\0\0\0\0\0\0\0\0\0\0", 14, "F1002:|");
    check_every_cut("over the cap by its head alone", "\x81\xFF\0\0\0\0\0\x01\x11\x71\0\0\0\0", 14,
                    "F1009:|");
    check_every_cut("ping of 126", "\x89\xFE\x00\x7E\0\0\0\0", 8, "F1002:|");
    static char payload[70001], bytes[70032];
    memset(payload, 'x', sizeof(payload));
    static const size_t sizes[] = {125, 126, 127, 65535, 65536, 70000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char wanted[300];
        size_t n = client_frame(bytes, 0x81, payload, sizes[i]);
        if (sizes[i] > 200) {
            snprintf(wanted, sizeof(wanted), "T:#%zu|", sizes[i]);
        } else {
            snprintf(wanted, sizeof(wanted), "T:%.*s|", (int)sizes[i], payload);
        }
        char got[2048];
        static const size_t pieces[] = {1, 2, 7, 13, 14, 15, 4096, 70032};
        for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
            decode_all(bytes, n, pieces[k], 70000, got, sizeof(got));
            assert_string_equal(got, wanted);
        }
    }
    char got[64];
    size_t n = client_frame(bytes, 0x01, payload, 40000);
    n += client_frame(bytes + n, 0x80, payload, 30001); /* together over the cap */
    decode_all(bytes, n, 4096, 70000, got, sizeof(got));
    assert_string_equal(got, "F1009:|");
}

static void a_promise_costs_no_memory(void **state)
{
    (void)state;
    struct ws_decoder d;
    struct ws_item item;
    size_t used;
    char head[14] = "\x81\xFF\0\0\0\0\0\x01\0\0\0\0\0\0";
    ws_decoder_init(&d, 70000);
    assert_int_equal(ws_decoder_next(&d, head, 14, &used, &item), WS_MORE);
    assert_null(d.partial);
    ws_decoder_release(&d);
}

/* Random streams of valid messages in random pieces come out as they went in. */
static void random_streams(void **state)
{
    (void)state;
    struct rng r;
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_init(&r, seed);
    for (int round = 0; round < 300; round++) {
        static char bytes[20000], wanted[20000], got[20000], payload[300];
        size_t n = 0, w = 0;
        for (int m = 0; m < 8; m++) {
            size_t parts = 1 + rng_below(&r, 3);
            w += (size_t)snprintf(wanted + w, sizeof(wanted) - w, "T:");
            for (size_t k = 0; k < parts; k++) {
                size_t len = rng_below(&r, 60);
                for (size_t i = 0; i < len; i++) {
                    payload[i] = (char)('a' + rng_below(&r, 26));
                }
                n += client_frame(bytes + n, (k == 0 ? 1U : 0U) | (k + 1 == parts ? 0x80U : 0U),
                                  payload, len);
                w += (size_t)snprintf(wanted + w, sizeof(wanted) - w, "%.*s", (int)len, payload);
            }
            w += (size_t)snprintf(wanted + w, sizeof(wanted) - w, "|");
        }
        decode_all(bytes, n, 1 + rng_below(&r, 50), 70000, got, sizeof(got));
        assert_string_equal(got, wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_examples),      cmocka_unit_test(messages_and_fragments),
        cmocka_unit_test(lengths_and_masks), cmocka_unit_test(a_promise_costs_no_memory),
        cmocka_unit_test(random_streams),
    };
    return cmocka_run_group_tests_name("platform_ws_frame", tests, NULL, NULL);
}
