/* Frames: the whole and any pieces decode to the same, nothing passes the cap, text is UTF-8, a failure is for ever. The first byte says how to cut. */
#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "platform/ws_frame.h"

#define MAX_MESSAGE 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(enum ws_result r, const struct ws_item *item)
{
    ASSERT(item->bytes.len <= MAX_MESSAGE);
    ASSERT(r != WS_TEXT || utf8_is_valid(item->bytes));
    ASSERT((r != WS_PING && r != WS_PONG) || item->bytes.len <= 125);
    ASSERT(r != WS_CLOSE || item->code == WS_CLOSE_NO_STATUS ||
           (ws_close_code_is_valid(item->code) && utf8_is_valid(item->bytes)));
    ASSERT(r != WS_FAILED || item->code == WS_CLOSE_PROTOCOL || item->code == WS_CLOSE_BAD_DATA ||
           item->code == WS_CLOSE_TOO_BIG);
}

/* Everything that was found, as text. */
static void decode(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
    struct ws_decoder d;
    ws_decoder_init(&d, MAX_MESSAGE);
    for (size_t at = 0; at < size;) {
        size_t n = size - at < piece ? size - at : piece, used_all = 0;
        char *copy = mem_alloc(n);
        memcpy(copy, data + at, n);
        at += n;
        for (;;) {
            struct ws_item item;
            size_t used;
            enum ws_result r = ws_decoder_next(&d, copy + used_all, n - used_all, &used, &item);
            used_all += used;
            ASSERT(used_all <= n && ws_decoder_held(&d) <= MAX_MESSAGE);
            if (r == WS_MORE) {
                ASSERT(used_all == n);
                break;
            }
            check_item(r, &item);
            buf_printf(out, "%d %u ", (int)r, item.code);
            buf_add_str(out, item.bytes);
            if (r == WS_FAILED) {
                mem_free(copy);
                ASSERT(ws_decoder_next(&d, NULL, 0, &used, &item) == WS_FAILED);
                ws_decoder_release(&d);
                return;
            }
        }
        mem_free(copy);
    }
    ws_decoder_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 5000) {
        return 0;
    }
    BUF_AUTO whole, pieces;
    buf_init(&whole, 1000000);
    buf_init(&pieces, 1000000);
    decode(data + 1, size - 1, size, &whole);
    decode(data + 1, size - 1, 1U + data[0] % 40U, &pieces);
    ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
