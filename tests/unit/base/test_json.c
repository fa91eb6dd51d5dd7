#include "base/json.h"

#include "base/check.h"
#include "groups.h"
#include "unit.h"

static const struct {
    const char *text;
    const char *code; /* NULL: accepted */
} grammar[] = {
    {"{}", NULL},
    {" [ ] ", NULL},
    {"0", NULL},
    {"-0.5e+10", NULL},
    {"\"\\u00e9\\ud83d\\ude00\"", NULL},
    {"[1,2,{\"a\":[true,false,null]}]", NULL},
    {"{\"a\":1,\"a\":2}", NULL},
    {"", "json"},
    {" ", "json"},
    {"{", "json"},
    {"[", "json"},
    {"[1", "json"},
    {"[1,]", "json"},
    {"[,1]", "json"},
    {"[1 2]", "json"},
    {"{\"a\"}", "json"},
    {"{\"a\":}", "json"},
    {"{\"a\":1,}", "json"},
    {"{a:1}", "json"},
    {"{'a':1}", "json"},
    {"{\"a\":1]", "json"},
    {"[1}", "json"},
    {"1 2", "json"},
    {"{}x", "json"},
    {"01", "json"},
    {"+1", "json"},
    {"-", "json"},
    {"1.", "json"},
    {".5", "json"},
    {"1e", "json"},
    {"0x10", "json"},
    {"NaN", "json"},
    {"Infinity", "json"},
    {"tru", "json"},
    {"nulL", "json"},
    {"\"", "json"},
    {"\"\\x\"", "json"},
    {"\"\\u12\"", "json"},
    {"\"\\u12g4\"", "json"},
    {"\"a\nb\"", "json"},
    {"// x\n1", "json"},
    {"\xEF\xBB\xBF{}", "json"},
    {"\"\\u0000\"", "nul"},
    {"\"\\ud800\"", "utf8"},
    {"\"\\ud800x\"", "utf8"},
    {"\"\\ud800\\u0041\"", "utf8"},
    {"\"\\udc00\"", "utf8"},
    {"\"\xFF\"", "utf8"},
    {"\"\xC0\xAF\"", "utf8"},
};

static void grammar_is_rfc_8259(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(grammar); i++) {
        struct json_doc *doc = NULL;
        struct errinfo info = {0};
        enum err err = json_parse(str_from(grammar[i].text), 0, &doc, &info);
        assert_case((err == ERR_OK) == (grammar[i].code == NULL), grammar[i].text);
        if (grammar[i].code != NULL) {
            assert_string_equal(info.code, grammar[i].code);
            assert_null(doc);
        }
        json_doc_free(&doc);
    }
    struct json_doc *doc = NULL;
    assert_err(json_parse(STR("\"a\0b\""), 0, &doc, NULL), ERR_INVALID);
}

static enum err parse_nested(int depth, char open, char close)
{
    BUF_AUTO b;
    buf_init(&b, 4096);
    for (int i = 0; i < depth; i++) {
        (void)buf_add_char(&b, open);
        if (open == '{' && i < depth - 1) {
            (void)buf_add_cstr(&b, "\"k\":");
        }
    }
    for (int i = 0; i < depth; i++) {
        (void)buf_add_char(&b, close);
    }
    struct json_doc *doc = NULL;
    enum err err = json_parse(buf_str(&b), 0, &doc, NULL);
    json_doc_free(&doc);
    return err;
}

static void depth_and_size_are_capped(void **state)
{
    (void)state;
    assert_ok(parse_nested(JSON_MAX_DEPTH, '[', ']'));
    assert_ok(parse_nested(JSON_MAX_DEPTH, '{', '}'));
    assert_err(parse_nested(JSON_MAX_DEPTH + 1, '[', ']'), ERR_LIMIT);
    assert_err(parse_nested(JSON_MAX_DEPTH + 1, '{', '}'), ERR_LIMIT);
    struct json_doc *doc = NULL;
    struct errinfo info = {0};
    assert_err(json_parse(STR("[1,2,3]"), 6, &doc, &info), ERR_LIMIT);
    assert_string_equal(info.code, "too_long");
    assert_ok(json_parse(STR("[1,2,3]"), 7, &doc, &info));
    json_doc_free(&doc);
}

static void tree_is_walked(void **state)
{
    (void)state;
    struct json_doc *doc = NULL;
    assert_ok(json_parse(
        STR("{\"s\":\"x\",\"n\":2.5,\"b\":true,\"z\":null,\"a\":[10,20],\"s\":\"second\",\"S\":1}"),
        0, &doc, NULL));
    const struct json *o = json_root(doc);
    assert_str(json_str(json_find(o, "s")), "x");
    assert_true(json_num(json_find(o, "n")) == 2.5);
    assert_true(json_bool(json_find(o, "b")));
    assert_true(json_is_null(json_find(o, "z")));
    assert_null(json_find(o, "absent"));
    assert_null(json_find(json_find(o, "a"), "x"));
    assert_null(json_find(NULL, "x"));
    assert_int_equal(json_len(json_find(o, "a")), 2);
    assert_true(json_num(json_at(json_find(o, "a"), 1)) == 20);
    assert_null(json_at(json_find(o, "a"), 2));
    assert_int_equal(json_len(json_find(o, "s")), 0);
    assert_str(json_str(json_find(o, "n")), "");
    assert_false(json_is_object(NULL) || json_is_array(NULL) || json_is_string(NULL) ||
                 json_is_number(NULL) || json_is_bool(NULL) || json_is_null(NULL));
    static const char *const keys[] = {"s", "n", "b", "z", "a", "s", "S"};
    size_t i = 0;
    for (const struct json *v = json_first(o); v != NULL; v = json_next(v)) {
        assert_str(json_key(v), keys[i++]);
    }
    assert_int_equal(i, 7);
    json_doc_free(&doc);
    json_doc_free(&doc);
}

enum getter { GET_STR, OPT_STR, GET_I64, OPT_I64, OPT_BOOL, GET_ID, OPT_ID, GET_ENUM };

/* Runs one getter on {"k": <value>} (or {} when NULL); strings 2..5 code points, integers -10..10, words "red", "blue". */
static enum err run_getter(enum getter g, const char *value, struct errinfo *info, int64_t *num_out,
                           struct str *str_out)
{
    static const char *const words[] = {"red", "blue", NULL};
    static char kept[64];
    BUF_AUTO b;
    buf_init(&b, 4096);
    (void)(value ? buf_printf(&b, "{\"k\":%s}", value) : buf_add_cstr(&b, "{}"));
    struct json_doc *doc = NULL;
    assert_ok(json_parse(buf_str(&b), 0, &doc, NULL));
    const struct json *o = json_root(doc);
    enum err err = ERR_INTERNAL;
    struct str s = STR("untouched");
    bool flag = false;
    int word = 99;
    switch (g) {
    case GET_STR:
        err = json_get_str(o, "k", 2, 5, &s, info);
        break;
    case OPT_STR:
        err = json_opt_str(o, "k", 5, &s, info);
        break;
    case GET_I64:
        err = json_get_i64(o, "k", -10, 10, num_out, info);
        break;
    case OPT_I64:
        err = json_opt_i64(o, "k", -10, 10, 5, num_out, info);
        break;
    case OPT_BOOL:
        err = json_opt_bool(o, "k", true, &flag, info);
        *num_out = err == ERR_OK ? flag : *num_out;
        break;
    case GET_ID:
        err = json_get_id(o, "k", num_out, info);
        break;
    case OPT_ID:
        err = json_opt_id(o, "k", num_out, info);
        break;
    case GET_ENUM:
        err = json_get_enum(o, "k", words, &word, info);
        *num_out = err == ERR_OK ? word : *num_out;
        break;
    }
    memcpy(kept, s.p, s.len);
    *str_out = (struct str){kept, s.len};
    json_doc_free(&doc);
    return err;
}

static const struct {
    enum getter g;
    const char *value;
    const char *code; /* NULL: accepted, with num or str */
    int64_t num;
    const char *str;
} getter_cases[] = {
    {GET_STR, "\"abc\"", NULL, -77, "abc"},
    {GET_STR, "\"\\u51bb\\u7ed3\\n\\tx\"", NULL, -77, "\xE5\x86\xBB\xE7\xBB\x93\n\tx"},
    {GET_STR, NULL, "required", 0, NULL},
    {GET_STR, "null", "required", 0, NULL},
    {GET_STR, "7", "type", 0, NULL},
    {GET_STR, "\"a\"", "too_short", 0, NULL},
    {GET_STR, "\"abcdef\"", "too_long", 0, NULL},
    {GET_STR, "\"ab\\r\"", "format", 0, NULL},
    {GET_STR, "\"ab\\u007f\"", "format", 0, NULL},
    {OPT_STR, NULL, NULL, -77, ""},
    {OPT_STR, "null", NULL, -77, ""},
    {OPT_STR, "\"abcdef\"", "too_long", 0, NULL},
    {OPT_STR, "{}", "type", 0, NULL},
    {GET_I64, "-10", NULL, -10, "untouched"},
    {GET_I64, "1e1", NULL, 10, "untouched"},
    {GET_I64, "11", "range", 0, NULL},
    {GET_I64, "1e300", "range", 0, NULL},
    {GET_I64, "1e999", "range", 0, NULL},
    {GET_I64, "-1e999", "range", 0, NULL},
    {GET_I64, "1.5", "type", 0, NULL},
    {GET_I64, "\"1\"", "type", 0, NULL},
    {GET_I64, NULL, "required", 0, NULL},
    {OPT_I64, NULL, NULL, 5, "untouched"},
    {OPT_I64, "-3", NULL, -3, "untouched"},
    {OPT_BOOL, NULL, NULL, 1, "untouched"},
    {OPT_BOOL, "false", NULL, 0, "untouched"},
    {OPT_BOOL, "0", "type", 0, NULL},
    {GET_ID, "\"9007199254740993\"", NULL, 9007199254740993, "untouched"},
    {GET_ID, "\"0\"", "format", 0, NULL},
    {GET_ID, "\"-1\"", "format", 0, NULL},
    {GET_ID, "\"01\"", "format", 0, NULL},
    {GET_ID, "\"99999999999999999999\"", "format", 0, NULL},
    {GET_ID, "1", "type", 0, NULL},
    {GET_ID, "null", "required", 0, NULL},
    {OPT_ID, "null", NULL, 0, "untouched"},
    {OPT_ID, "\"x\"", "format", 0, NULL},
    {GET_ENUM, "\"blue\"", NULL, 1, "untouched"},
    {GET_ENUM, "\"Blue\"", "format", 0, NULL},
    {GET_ENUM, "1", "type", 0, NULL},
    {GET_ENUM, NULL, "required", 0, NULL},
};

static void getters_validate(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(getter_cases); i++) {
        const char *name = getter_cases[i].value ? getter_cases[i].value : "(absent)";
        struct errinfo info = {0};
        int64_t num = -77;
        struct str s;
        enum err err = run_getter(getter_cases[i].g, getter_cases[i].value, &info, &num, &s);
        if (getter_cases[i].code == NULL) {
            assert_case(err == ERR_OK, name);
            assert_case(num == getter_cases[i].num, name);
            assert_str(s, getter_cases[i].str);
        } else {
            assert_case(err == ERR_INVALID, name);
            assert_string_equal(info.code, getter_cases[i].code);
            assert_string_equal(info.field, "k");
            assert_true(info.message[0] != '\0');
            assert_case(num == -77, name);
            assert_str(s, "untouched");
        }
    }
}

/* Writes a random tree and a plain description of it, reads it back, writes it again: the same bytes. */
static void write_random(struct json_writer *w, struct rng *r, int depth)
{
    char text[12];
    size_t len = (size_t)rng_below(r, sizeof(text));
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)(1 + rng_below(r, 127));
    }
    switch (rng_below(r, depth > 5 ? 4 : 6)) {
    case 0:
        json_put_str(w, (struct str){text, len});
        break;
    case 1:
        json_put_i64(w, (int64_t)rng_below(r, 1000000) - 500000);
        break;
    case 2:
        json_put_bool(w, rng_below(r, 2) == 0);
        break;
    case 3:
        json_put_null(w);
        break;
    case 4:
        json_array_begin(w);
        for (uint64_t n = rng_below(r, 5); n > 0; n--) {
            write_random(w, r, depth + 1);
        }
        json_array_end(w);
        break;
    default:
        json_object_begin(w);
        for (uint64_t n = rng_below(r, 5); n > 0; n--) {
            json_put_key_str(w, (struct str){text, len});
            write_random(w, r, depth + 1);
        }
        json_object_end(w);
        break;
    }
}

static void write_tree(struct json_writer *w, const struct json *v)
{
    if (json_is_object(v) || json_is_array(v)) {
        bool object = json_is_object(v);
        object ? json_object_begin(w) : json_array_begin(w);
        for (const struct json *m = json_first(v); m != NULL; m = json_next(m)) {
            if (object) {
                json_put_key_str(w, json_key(m));
            }
            write_tree(w, m);
        }
        object ? json_object_end(w) : json_array_end(w);
    } else if (json_is_string(v)) {
        json_put_str(w, json_str(v));
    } else if (json_is_number(v)) {
        json_put_i64(w, (int64_t)json_num(v));
    } else if (json_is_bool(v)) {
        json_put_bool(w, json_bool(v));
    } else {
        json_put_null(w);
    }
}

static void trees_round_trip(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "json");
    for (int round = 0; round < 2000; round++) {
        BUF_AUTO first;
        BUF_AUTO second;
        buf_init(&first, 1 << 20);
        buf_init(&second, 1 << 20);
        struct json_writer w;
        json_writer_init(&w, &first);
        write_random(&w, &r, 0);
        struct json_doc *doc = NULL;
        assert_ok(json_parse(buf_str(&first), 1 << 20, &doc, NULL));
        json_writer_init(&w, &second);
        write_tree(&w, json_root(doc));
        json_doc_free(&doc);
        assert_str_eq(buf_str(&second), buf_str(&first));
    }
}

int test_json(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_is_rfc_8259), cmocka_unit_test(depth_and_size_are_capped),
        cmocka_unit_test(tree_is_walked),      cmocka_unit_test(getters_validate),
        cmocka_unit_test(trees_round_trip),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
