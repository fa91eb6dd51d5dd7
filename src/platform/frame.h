/* Bytes on their way out: counted, immutable, shared by every connection they are queued on. A WebSocket frame is encoded once, head included; an
 * HTTP answer is one or two of the same. Public face: struct frame in server.h. */
#ifndef PLATFORM_FRAME_H
#define PLATFORM_FRAME_H

#include <stdatomic.h>

#include "platform/server.h"

struct frame {
    _Atomic uint32_t refs;
    bool is_control; /* ping, pong, close: not counted as messages */
    size_t len;
    const char *p;
    void (*release)(void *arg); /* NULL: bytes are in `data` or static */
    void *arg;
    char data[];
};

struct frame *frame_new_bytes(struct str bytes); /* copied */
struct frame *frame_new_bytes2(struct str head,
                               struct str bytes); /* both copied, one after the other */
struct frame *frame_new_outside(struct str bytes, void (*release)(void *arg),
                                void *arg); /* not copied; release may be NULL for static bytes */
struct frame *frame_new_ws(int opcode, struct str payload);
struct frame *frame_new_ws_close(int code, const char *reason);

#endif
