/* One state machine over bytes. A frame that lies whole in the input is delivered from there (no copy, nothing allocated): that is the
 * usual case and why an idle connection keeps no buffer. Only pieces are gathered, in `partial`, freed once delivered. */
#include "platform/ws_frame.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"

struct ws_partial {
    char *message;
    uint32_t message_len, message_size;
    uint8_t control_len;
    char control[125];
};

void ws_decoder_init(struct ws_decoder *d, size_t max_message)
{
    *d = (struct ws_decoder){.max_message = max_message > UINT32_MAX / 4 ? UINT32_MAX / 4
                                                                         : (uint32_t)max_message};
}

static void partial_free(struct ws_decoder *d)
{
    if (d->partial) {
        mem_free(d->partial->message);
        mem_free(d->partial);
        d->partial = NULL;
    }
}

void ws_decoder_release(struct ws_decoder *d)
{
    partial_free(d);
    *d = (struct ws_decoder){.failure = WS_CLOSE_PROTOCOL};
}

size_t ws_decoder_held(const struct ws_decoder *d)
{
    return d->partial ? d->partial->message_len : 0;
}

static enum ws_result fail(struct ws_decoder *d, uint16_t code, struct ws_item *item)
{
    d->failure = code;
    partial_free(d);
    *item = (struct ws_item){.code = code};
    return WS_FAILED;
}

static bool is_control(uint8_t opcode)
{
    return (opcode & 8) != 0;
}

/* The first two bytes decide most of what can be wrong. 0: fine, else the close code. */
static uint16_t check_start(const struct ws_decoder *d)
{
    uint8_t b0 = d->head[0], b1 = d->head[1];
    uint8_t opcode = b0 & 0x0f, len7 = b1 & 0x7f;
    bool fin = (b0 & 0x80) != 0;
    if ((b0 & 0x70) != 0 || (b1 & 0x80) == 0) {
        return WS_CLOSE_PROTOCOL; /* reserved bits; not masked */
    }
    if (is_control(opcode)) {
        bool known = opcode == WS_OP_CLOSE || opcode == WS_OP_PING || opcode == WS_OP_PONG;
        return known && fin && len7 <= 125 ? 0 : WS_CLOSE_PROTOCOL;
    }
    if (opcode == WS_OP_CONT) {
        return d->message_opcode ? 0 : WS_CLOSE_PROTOCOL; /* nothing to continue */
    }
    if (opcode != WS_OP_TEXT && opcode != WS_OP_BINARY) {
        return WS_CLOSE_PROTOCOL;
    }
    return d->message_opcode ? WS_CLOSE_PROTOCOL : 0; /* new message inside a message */
}

static size_t head_need(const struct ws_decoder *d)
{
    if (d->head_len < 2) {
        return 2;
    }
    uint8_t len7 = d->head[1] & 0x7f;
    return len7 == 126 ? 8 : len7 == 127 ? 14 : 6;
}

/* Head is whole: set up the payload. 0 or the close code. */
static uint16_t start_payload(struct ws_decoder *d)
{
    uint8_t len7 = d->head[1] & 0x7f;
    size_t n_len = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
    uint64_t len = len7;
    if (n_len) {
        len = 0;
        for (size_t i = 0; i < n_len; i++) {
            len = len << 8 | d->head[2 + i];
        }
        if (len < (n_len == 2 ? 126U : 65536U) || len > INT64_MAX) {
            return WS_CLOSE_PROTOCOL; /* not the shortest form, or the sign bit */
        }
    }
    memcpy(d->mask, d->head + 2 + n_len, 4);
    d->mask_at = 0;
    d->opcode = d->head[0] & 0x0f;
    d->is_fin = (d->head[0] & 0x80) != 0;
    d->left = len;
    d->in_payload = true;
    d->head_len = 0;
    if (is_control(d->opcode)) {
        return 0;
    }
    if (d->opcode != WS_OP_CONT) {
        d->message_opcode = d->opcode;
        d->utf8_state = 0;
    }
    return ws_decoder_held(d) + len > d->max_message ? WS_CLOSE_TOO_BIG : 0;
}

static void unmask(struct ws_decoder *d, char *p, size_t len)
{
    size_t i = 0;
    if (len >= 16) {
        uint8_t m[8];
        for (size_t k = 0; k < 8; k++) {
            m[k] = d->mask[(d->mask_at + k) & 3];
        }
        uint64_t wide, word;
        memcpy(&wide, m, 8);
        for (; i + 8 <= len; i += 8) {
            memcpy(&word, p + i, 8);
            word ^= wide;
            memcpy(p + i, &word, 8);
        }
    }
    for (; i < len; i++) {
        p[i] = (char)((uint8_t)p[i] ^ d->mask[(d->mask_at + i) & 3]);
    }
    d->mask_at = (uint8_t)((d->mask_at + len) & 3);
}

static struct ws_partial *partial_get(struct ws_decoder *d)
{
    if (!d->partial) {
        d->partial = MEM_NEW(struct ws_partial);
    }
    return d->partial;
}

static void partial_add_message(struct ws_decoder *d, const char *p, size_t len)
{
    struct ws_partial *part = partial_get(d);
    size_t need = part->message_len + len;
    ASSERT(need <= d->max_message);
    if (need > part->message_size) {
        size_t size = part->message_size * 2UL;
        /* Grow with what has come, not with what the head promises: a promise costs the sender nothing. */
        size = size < need ? need : size > d->max_message ? d->max_message : size;
        part->message = mem_realloc(part->message, size, 1);
        part->message_size = (uint32_t)size;
    }
    if (len) {
        memcpy(part->message + part->message_len, p, len);
    }
    part->message_len = (uint32_t)need;
}

bool ws_close_code_is_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum ws_result deliver_close(struct ws_decoder *d, struct str payload, struct ws_item *item)
{
    if (payload.len == 0) {
        *item = (struct ws_item){.code = WS_CLOSE_NO_STATUS};
        return WS_CLOSE;
    }
    if (payload.len == 1) {
        return fail(d, WS_CLOSE_PROTOCOL, item);
    }
    uint16_t code = (uint16_t)((uint8_t)payload.p[0] << 8 | (uint8_t)payload.p[1]);
    struct str reason = {payload.p + 2, payload.len - 2};
    if (!ws_close_code_is_valid(code)) {
        return fail(d, WS_CLOSE_PROTOCOL, item);
    }
    if (!utf8_is_valid(reason)) {
        return fail(d, WS_CLOSE_BAD_DATA, item);
    }
    *item = (struct ws_item){.bytes = reason, .code = code};
    return WS_CLOSE;
}

static enum ws_result take_control(struct ws_decoder *d, struct str piece, struct ws_item *item)
{
    struct str payload = piece;
    if (d->left > 0 || (d->partial && d->partial->control_len)) {
        struct ws_partial *part = partial_get(d);
        if (piece.len) {
            memcpy(part->control + part->control_len, piece.p, piece.len);
        }
        part->control_len = (uint8_t)(part->control_len + piece.len);
        if (d->left > 0) {
            return WS_MORE;
        }
        payload = (struct str){part->control, part->control_len};
        part->control_len = 0; /* the bytes stay until the next call */
    }
    d->in_payload = false;
    if (d->opcode == WS_OP_CLOSE) {
        return deliver_close(d, payload, item);
    }
    *item = (struct ws_item){.bytes = payload};
    return d->opcode == WS_OP_PING ? WS_PING : WS_PONG;
}

static enum ws_result take_data(struct ws_decoder *d, struct str piece, struct ws_item *item)
{
    if (d->message_opcode == WS_OP_TEXT && !utf8_check_part(piece, &d->utf8_state)) {
        return fail(d, WS_CLOSE_BAD_DATA, item);
    }
    bool is_whole = d->left == 0 && d->is_fin;
    if (d->left == 0) {
        d->in_payload = false;
    }
    struct str message = piece;
    if (!is_whole || ws_decoder_held(d) > 0) {
        partial_add_message(d, piece.p, piece.len);
        message = (struct str){d->partial->message, d->partial->message_len};
    }
    if (!is_whole) {
        return WS_MORE;
    }
    if (d->message_opcode == WS_OP_TEXT && d->utf8_state != 0) {
        return fail(d, WS_CLOSE_BAD_DATA, item); /* ends inside a character */
    }
    enum ws_result kind = d->message_opcode == WS_OP_TEXT ? WS_TEXT : WS_BINARY;
    d->message_opcode = 0;
    d->was_delivered = d->partial != NULL;
    *item = (struct ws_item){.bytes = message};
    return kind;
}

/* Fills the head from the input; WS_MORE with in_payload set when it is whole. */
static enum ws_result take_head(struct ws_decoder *d, const char *p, size_t len, size_t *used,
                                struct ws_item *item)
{
    while (*used < len) {
        d->head[d->head_len++] = (uint8_t)p[(*used)++];
        if (d->head_len == 2) {
            uint16_t bad = check_start(d);
            if (bad) {
                return fail(d, bad, item);
            }
        }
        if (d->head_len > 2 && d->head_len == head_need(d)) {
            uint16_t bad = start_payload(d);
            return bad ? fail(d, bad, item) : WS_MORE;
        }
    }
    return WS_MORE;
}

enum ws_result ws_decoder_next(struct ws_decoder *d, char *p, size_t len, size_t *used_out,
                               struct ws_item *item_out)
{
    *used_out = 0;
    *item_out = (struct ws_item){0};
    if (d->failure) {
        item_out->code = d->failure;
        return WS_FAILED;
    }
    if (d->was_delivered) {
        d->was_delivered = false;
        partial_free(d);
    }
    for (;;) {
        if (!d->in_payload) {
            enum ws_result r = take_head(d, p, len, used_out, item_out);
            if (r == WS_FAILED || !d->in_payload) {
                return r;
            }
        }
        if (*used_out == len && d->left > 0) {
            return WS_MORE;
        }
        size_t n = len - *used_out < d->left ? len - *used_out : (size_t)d->left;
        struct str piece = {p + *used_out, n};
        unmask(d, p + *used_out, n);
        *used_out += n;
        d->left -= n;
        enum ws_result r = is_control(d->opcode) ? take_control(d, piece, item_out)
                                                 : take_data(d, piece, item_out);
        if (r != WS_MORE) {
            return r;
        }
    }
}

size_t ws_encode_head(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, bool is_fin,
                      uint64_t payload_len)
{
    out[0] = (uint8_t)((is_fin ? 0x80U : 0U) | (unsigned)opcode);
    if (payload_len < 126) {
        out[1] = (uint8_t)payload_len;
        return 2;
    }
    size_t n = payload_len < 65536 ? 2 : 8;
    out[1] = n == 2 ? 126 : 127;
    for (size_t i = 0; i < n; i++) {
        out[2 + i] = (uint8_t)(payload_len >> (8 * (n - 1 - i)));
    }
    return 2 + n;
}
