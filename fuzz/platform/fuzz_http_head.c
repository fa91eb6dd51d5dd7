/* Request heads: the end is found alike in pieces; what is accepted has one length at most, no folding, no control characters, and prints and parses
 * back the same; decoded paths hold nothing that climbs. */
#include "base/buf.h"
#include "base/check.h"
#include "base/utf8.h"
#include "platform/http_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};

static void check_path(struct str path)
{
    char out[HTTP_MAX_PATH];
    size_t len = 0;
    if (http_path_decode(path, out, &len) != HTTP_FINE) {
        return;
    }
    struct str s = {out, len};
    ASSERT(len > 0 && len <= HTTP_MAX_PATH && out[0] == '/' && utf8_is_valid(s));
    ASSERT(str_find(s, STR("/../")) == SIZE_MAX && !str_ends(s, STR("/..")));
    ASSERT(str_find(s, STR("//")) == SIZE_MAX && !memchr(out, '\0', len) &&
           !memchr(out, '\\', len));
}

static void check_accepted(const struct http_head *h)
{
    int lengths = 0, codings = 0;
    for (size_t i = 0; i < h->n_fields; i++) {
        ASSERT(h->fields[i].name.len > 0);
        lengths += str_eq_nocase(h->fields[i].name, STR("content-length"));
        codings += str_eq_nocase(h->fields[i].name, STR("transfer-encoding"));
        for (size_t k = 0; k < h->fields[i].value.len; k++) {
            unsigned char c = (unsigned char)h->fields[i].value.p[k];
            ASSERT((c >= 0x20 && c != 0x7f) || c == '\t');
        }
    }
    ASSERT(lengths + codings <= 1 && h->is_chunked == (codings == 1));
    ASSERT(h->content_length >= 0 && (h->minor == 0 || h->host.len > 0));
    check_path(h->path);
    BUF_AUTO b;
    buf_init(&b, 2UL * HTTP_MAX_HEAD);
    buf_printf(&b, "%s " STR_FMT " HTTP/1.%d\r\n", methods[h->method], STR_ARG(h->target),
               h->minor);
    for (size_t i = 0; i < h->n_fields; i++) {
        buf_add_str(&b, h->fields[i].name);
        buf_add_cstr(&b, ": ");
        buf_add_str(&b, h->fields[i].value);
        buf_add_cstr(&b, "\r\n");
    }
    buf_add_cstr(&b, "\r\n");
    struct http_head again;
    ASSERT(http_head_parse(buf_str(&b), &again) == HTTP_FINE);
    ASSERT(again.method == h->method && again.n_fields == h->n_fields &&
           again.content_length == h->content_length && again.is_chunked == h->is_chunked &&
           again.is_keep_alive == h->is_keep_alive && str_eq(again.query, h->query));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    size_t scan = 0, end = 0, scan2 = 0, end2 = 0;
    enum http_fault fault = http_head_find_end(bytes, &scan, &end);
    enum http_fault fault2 = HTTP_FINE;
    for (size_t n = 1; n <= size && end2 == 0 && fault2 == HTTP_FINE; n += 1 + size / 64) {
        fault2 = http_head_find_end((struct str){bytes.p, n}, &scan2, &end2);
    }
    if (end2) {
        ASSERT(fault == HTTP_FINE && end == end2);
    }
    if (fault == HTTP_FINE && end) {
        struct http_head head;
        if (http_head_parse(str_sub(bytes, 0, end), &head) == HTTP_FINE) {
            check_accepted(&head);
        }
    }
    check_path(bytes);
    return 0;
}
