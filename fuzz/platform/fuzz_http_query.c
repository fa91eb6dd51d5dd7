/* Query strings, cookies, cursors, forwarded addresses: one line each of the input, read as a handler would. */
#include "base/check.h"
#include "base/utf8.h"
#include "platform/http_impl.h"
#include "platform/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(struct str text)
{
    struct ip ip, again;
    char out[IP_TEXT_MAX];
    if (ip_parse(text, &ip)) {
        struct str printed = ip_format(&ip, out);
        ASSERT(ip_parse(printed, &again) && memcmp(&ip, &again, sizeof(ip)) == 0);
    }
    struct proxies *p;
    ASSERT(proxies_parse("10.0.0.0/8, ::1", &p, NULL) == ERR_OK);
    struct ip peer = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10}};
    proxies_client(p, &peer, text);
    proxies_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, query = {0}, cookie = {0}, name = {0},
               address = {0};
    str_split(&rest, '\n', &query);
    str_split(&rest, '\n', &cookie);
    str_split(&rest, '\n', &name);
    str_split(&rest, '\n', &address);
    ARENA_AUTO arena = arena_new(0);
    struct http_field fields[] = {{STR("Cookie"), cookie}};
    struct http_request hq = {
        .rq = {.arena = arena, .query = query}, .fields = fields, .n_fields = 1};
    char *wanted = str_to_cstr(arena, name);
    struct page page;
    int64_t v;
    ASSERT(utf8_is_valid(request_query(&hq.rq, wanted)));
    ASSERT(utf8_is_valid(request_query(&hq.rq, "q")));
    struct str got = request_cookie(&hq.rq, wanted);
    ASSERT(got.len <= cookie.len);
    if (request_page(&hq.rq, &page, NULL) == ERR_OK) {
        ASSERT(page.limit >= 1 && page.limit <= 100);
    }
    if (request_query_i64(&hq.rq, "n", -5, 5, 0, &v, NULL) == ERR_OK) {
        ASSERT(v >= -5 && v <= 5);
    }
    check_address(address);
    return 0;
}
