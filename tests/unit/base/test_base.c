#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/timeutil.h"

static void writer_and_parser_agree(void **state)
{
    (void)state;
    BUF_AUTO b;
    buf_init(&b, 4096);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "text", "a\"b\n\xE4\xBD\xA0 longer than eight bytes \x01");
    json_kv_id(&w, "id", 42);
    json_put_key(&w, "list");
    json_array_begin(&w);
    json_put_i64(&w, -1);
    json_put_null(&w);
    json_array_end(&w);
    json_object_end(&w);
    assert_int_equal(buf_err(&b), ERR_OK);
    struct json_doc *doc = NULL;
    struct errinfo info = {0};
    assert_int_equal(json_parse(buf_str(&b), 0, &doc, &info), ERR_OK);
    int64_t id = 0;
    assert_int_equal(json_get_id(json_root(doc), "id", &id, &info), ERR_OK);
    assert_int_equal(id, 42);
    assert_true(str_eq_cstr(json_str(json_find(json_root(doc), "text")), "a\"b\n\xE4\xBD\xA0 longer than eight bytes \x01"));
    assert_int_equal(json_len(json_find(json_root(doc), "list")), 2);
    json_doc_free(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writer_and_parser_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
