#include "platform/frame.h"

#include "base/check.h"
#include "base/mem.h"
#include "platform/ws_frame.h"

static struct frame *frame_new_room(size_t len)
{
    struct frame *f = mem_alloc(sizeof(*f) + len);
    *f = (struct frame){.refs = 1, .len = len};
    f->p = f->data;
    return f;
}

struct frame *frame_new_bytes(struct str bytes)
{
    return frame_new_bytes2(bytes, (struct str){0});
}

struct frame *frame_new_bytes2(struct str head, struct str bytes)
{
    struct frame *f = frame_new_room(head.len + bytes.len);
    if (head.len) {
        memcpy(f->data, head.p, head.len);
    }
    if (bytes.len) {
        memcpy(f->data + head.len, bytes.p, bytes.len);
    }
    return f;
}

struct frame *frame_new_outside(struct str bytes, void (*release)(void *arg), void *arg)
{
    struct frame *f = frame_new_room(0);
    f->len = bytes.len;
    f->p = bytes.p;
    f->release = release;
    f->arg = arg;
    return f;
}

struct frame *frame_new_ws(int opcode, struct str payload)
{
    uint8_t head[WS_HEAD_MAX];
    size_t n = ws_encode_head(head, (enum ws_opcode)opcode, true, payload.len);
    struct frame *f = frame_new_bytes2((struct str){(const char *)head, n}, payload);
    f->is_control = opcode >= WS_OP_CLOSE;
    return f;
}

struct frame *frame_new_ws_close(int code, const char *reason)
{
    char payload[125];
    size_t len = 0;
    if (code != WS_CLOSE_NO_STATUS) {
        payload[0] = (char)(code >> 8);
        payload[1] = (char)(code & 0xff);
        len = strnlen(reason ? reason : "", sizeof(payload) - 2);
        memcpy(payload + 2, reason ? reason : "", len);
        len += 2;
    }
    return frame_new_ws(WS_OP_CLOSE, (struct str){payload, len});
}

struct frame *frame_new_text(struct str payload)
{
    return frame_new_ws(WS_OP_TEXT, payload);
}

struct frame *frame_ref(struct frame *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void frame_unref(struct frame **frame)
{
    struct frame *f = *frame;
    *frame = NULL;
    if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1) {
        if (f->release) {
            f->release(f->arg);
        }
        mem_free(f);
    }
}
