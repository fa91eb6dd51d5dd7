/* What a file is by its first bytes, what its name may be, and the piece of text around a match. */
#include "unit.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "desk/file_type.h"
#include "desk/snippet.h"

#include "groups.h"

#define BYTES(text) ((struct str){(text), sizeof(text) - 1})

static void kinds_are_known_by_their_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct str head;
        const char *type;
        bool is_image;
        int width, height;
    } cases[] = {
        {"png",
         {"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0", 24},
         "image/png",
         true,
         640,
         480},
        {"jpeg: SOF0 behind APP0",
         {"\xFF\xD8\xFF\xE0\0\x04\0\0\xFF\xC0\0\x0B\x08\x01\xE0\x02\x80\x01", 18},
         "image/jpeg",
         true,
         640,
         480},
        {"jpeg: no frame header seen",
         {"\xFF\xD8\xFF\xDA\0\x04\0\0\0\0\0\0", 12},
         "image/jpeg",
         false,
         0,
         0},
        {"jpeg: a segment of length 0 ends the walk",
         {"\xFF\xD8\xFF\xE0\0\0\xFF\xC0\0\x0B\x08\x01\xE0\x02\x80\x01", 16},
         "image/jpeg",
         false,
         0,
         0},
        {"gif", {"GIF89a\x80\x02\xE0\x01", 10}, "image/gif", true, 640, 480},
        {"webp, extended",
         {"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7F\x02\0\xDF\x01\0", 30},
         "image/webp",
         true,
         640,
         480},
        {"webp, lossy",
         {"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\x80\x02\xE0\x01", 30},
         "image/webp",
         true,
         640,
         480},
        {"pdf", {"%PDF-1.7", 8}, "application/pdf", false, 0, 0},
        {"mp4",
         {"\0\0\0\x18"
          "ftypisom",
          12},
         "video/mp4",
         false,
         0,
         0},
        {"mov",
         {"\0\0\0\x14"
          "ftypqt  ",
          12},
         "video/quicktime",
         false,
         0,
         0},
        {"webm", {"\x1A\x45\xDF\xA3", 4}, "video/webm", false, 0, 0},
        {"ogg", {"OggS", 4}, "audio/ogg", false, 0, 0},
        {"mp3 with tag", {"ID3\x03", 4}, "audio/mpeg", false, 0, 0},
        {"zip", {"PK\x03\x04", 4}, "application/zip", false, 0, 0},
        {"chinese text", {"我的充值没到账", 21}, "text/plain; charset=utf-8", false, 0, 0},
        {"html is text, whatever it is called",
         {"<script>alert(1)</script>", 25},
         "text/plain; charset=utf-8",
         false,
         0,
         0},
        {"svg is text",
         {"<svg xmlns='http://www.w3.org/2000/svg'/>", 41},
         "text/plain; charset=utf-8",
         false,
         0,
         0},
        {"program",
         {"\x7F"
          "ELF\x02\x01\x01\0",
          8},
         NULL,
         false,
         0,
         0},
        {"windows program", {"MZ\x90\0\x03\0\0\0", 8}, NULL, false, 0, 0},
        {"unknown brand",
         {"\0\0\0\x18"
          "ftypheic",
          12},
         NULL,
         false,
         0,
         0},
        {"latin-1 is not UTF-8", {"caf\xE9", 4}, NULL, false, 0, 0},
        {"empty", {"", 0}, NULL, false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct file_type t = file_type_of(cases[i].head, true);
        bool is_same = (t.content_type == NULL) == (cases[i].type == NULL) &&
                       (t.content_type == NULL || strcmp(t.content_type, cases[i].type) == 0);
        assert_case(is_same, cases[i].name);
        assert_case(t.is_image == cases[i].is_image, cases[i].name);
        assert_case(t.width == cases[i].width && t.height == cases[i].height, cases[i].name);
    }
}

static void a_picture_that_unfolds_too_far_is_only_a_download(void **state)
{
    (void)state;
    struct file_type t =
        file_type_of(BYTES("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\xFF\xFF\0\0\xFF\xFF"), false);
    assert_string_equal(t.content_type, "image/png");
    assert_false(t.is_image);
    t = file_type_of(BYTES("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\0\0\0\0\x01"), false);
    assert_false(t.is_image);
}

static void text_may_be_cut_inside_a_character_only_when_more_follows(void **state)
{
    (void)state;
    struct str cut = {"我的", 5};
    assert_non_null(file_type_of(cut, false).content_type);
    assert_null(file_type_of(cut, true).content_type);
}

static void any_head_is_read_within_its_bytes(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "\x89PNG\r\n\x1A\n", "\xFF\xD8\xFF", "GIF89a", "RIFF0000WEBPVP8X",
        "RIFF0000WEBPVP8L/", "0000ftyp",     "ID3"};
    struct rng r;
    rng_init(&r, 20261122);
    for (int round = 0; round < 20000; round++) {
        char bytes[64];
        rng_bytes(bytes, sizeof bytes);
        const char *head = heads[rng_below(&r, ARRAY_LEN(heads))];
        size_t n = strlen(head) + rng_below(&r, 30);
        memcpy(bytes, head, strlen(head));
        char *exact = mem_alloc(n); /* ASan sees a byte read behind it */
        memcpy(exact, bytes, n);
        struct file_type t = file_type_of((struct str){exact, n}, round % 2 == 0);
        assert_true(!t.is_image || (int64_t)t.width * t.height <= FILE_MAX_PIXELS);
        mem_free(exact);
    }
}

static void names_are_made_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *name, *clean;
    } cases[] = {
        {"receipt.pdf", "receipt.pdf"},
        {"../../etc/passwd", "passwd"},
        {"C:\\Users\\me\\photo.jpg", "photo.jpg"},
        {"...hidden", "hidden"},
        {". . x", "x"},
        {"转账 截图.png", "转账 截图.png"},
        {"a\r\nSet-Cookie: b", "a Set-Cookie: b"},
        {"gpj.\xE2\x80\xAE"
         "exe",
         "gpj.exe"},
        {"", "file"},
        {"/", "file"},
        {"...", "file"},
    };
    ARENA_AUTO arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str clean = file_name_clean(arena, str_from(cases[i].name));
        assert_case(str_eq_cstr(clean, cases[i].clean), cases[i].name);
    }
}

static void a_long_name_keeps_its_ending(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    char name[400];
    for (size_t i = 0; i + 3 < sizeof name - 5; i += 3) {
        memcpy(name + i, "截", 3);
    }
    memcpy(name + 393, ".png", 5);
    struct str clean = file_name_clean(arena, str_from(name));
    assert_true(clean.len <= 150);
    assert_str(str_sub(clean, clean.len - 4, clean.len), ".png");
    assert_true(utf8_is_valid(clean));
}

static void the_disposition_cannot_be_broken_out_of(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    assert_str(file_disposition(arena, STR("a\"b\\c%.txt"), false),
               "attachment; filename=\"a_b_c_.txt\"; filename*=UTF-8''a%22b%5Cc%25.txt");
    assert_str(file_disposition(arena, STR("图.png"), true),
               "inline; filename=\"___.png\"; filename*=UTF-8''%E5%9B%BE.png");
}

static void a_snippet_says_where_the_match_is_as_browsers_count(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct str body = STR("😀 我的账户被冻结了\n怎么办");
    struct snippet s = snippet_make(arena, body, str_find(body, STR("冻结")), strlen("冻结"), 100);
    assert_str(s.text, "😀 我的账户被冻结了 怎么办");
    assert_int_equal(s.match_at, 8); /* the emoji counts two */
    assert_int_equal(s.match_len, 2);
}

static void a_snippet_is_cut_at_characters_and_says_so(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct str body = STR("一二三四五六七八九十冻结甲乙丙丁戊己庚辛壬癸");
    struct snippet s = snippet_make(arena, body, strlen("一二三四五六七八九十"), strlen("冻结"), 8);
    assert_str(s.text, "…九十冻结甲乙丙丁…");
    assert_int_equal(s.match_at, 3);
    s = snippet_make(arena, body, 0, 0, 4);
    assert_str(s.text, "一二三四…");
    assert_int_equal(s.match_len, 0);
}

static void a_match_longer_than_the_snippet_or_outside_of_the_text_is_survived(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct snippet s = snippet_make(arena, STR("abcdefgh"), 2, 5, 2);
    assert_str(s.text, "…cdefg…");
    s = snippet_make(arena, STR("abc"), 99, 99, 10);
    assert_int_equal(s.match_len, 0);
}

int test_file_type(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_known_by_their_first_bytes),
        cmocka_unit_test(a_picture_that_unfolds_too_far_is_only_a_download),
        cmocka_unit_test(text_may_be_cut_inside_a_character_only_when_more_follows),
        cmocka_unit_test(any_head_is_read_within_its_bytes),
        cmocka_unit_test(names_are_made_harmless),
        cmocka_unit_test(a_long_name_keeps_its_ending),
        cmocka_unit_test(the_disposition_cannot_be_broken_out_of),
        cmocka_unit_test(a_snippet_says_where_the_match_is_as_browsers_count),
        cmocka_unit_test(a_snippet_is_cut_at_characters_and_says_so),
        cmocka_unit_test(a_match_longer_than_the_snippet_or_outside_of_the_text_is_survived),
    };
    return cmocka_run_group_tests_name("file_type", tests, NULL, NULL);
}
