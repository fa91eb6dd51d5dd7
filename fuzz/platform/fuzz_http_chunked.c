/* Chunked bodies: the whole and any pieces give the same data and the same verdict. The first byte says how to cut. */
#include "base/buf.h"
#include "base/check.h"
#include "platform/http_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_chunk_result decode(struct str bytes, size_t piece, struct buf *out,
                                     size_t *used_out)
{
    struct http_chunked c = {0};
    size_t at = 0;
    enum http_chunk_result r = HTTP_CHUNK_MORE;
    while (at < bytes.len && r != HTTP_CHUNK_END && r != HTTP_CHUNK_BAD) {
        struct str got = {0}, in = str_sub(bytes, at, piece);
        size_t used = 0;
        r = http_chunked_next(&c, in, &used, &got);
        ASSERT(used > 0 && used <= in.len && got.len <= used);
        ASSERT(r == HTTP_CHUNK_DATA || got.len == 0);
        buf_add_str(out, got);
        at += used;
    }
    *used_out = at;
    return r == HTTP_CHUNK_DATA ? HTTP_CHUNK_MORE : r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct str bytes = {(const char *)data + 1, size - 1};
    BUF_AUTO whole, pieces;
    size_t used, used2;
    buf_init(&whole, size);
    buf_init(&pieces, size);
    enum http_chunk_result r = decode(bytes, bytes.len, &whole, &used);
    enum http_chunk_result r2 = decode(bytes, 1U + data[0] % 17U, &pieces, &used2);
    ASSERT(r == r2 && used == used2 && str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
