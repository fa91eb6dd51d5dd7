/* RFC 6455 frames as pure bytes: decoding what a client sends, encoding the head of what a server sends. No socket in here.
 *
 * Rules held: clients mask (5.1), no reserved bits (5.2; no extension is negotiated), shortest length form (5.2), control frames whole and
 * <= 125 bytes (5.5), fragments in order (5.4), text is valid UTF-8 checked as it streams in (8.1), close codes as allowed on the wire (7.4),
 * a message never grows past `max_message`. The first breach ends the decoder: it repeats its failure for ever. */
#ifndef PLATFORM_WS_FRAME_H
#define PLATFORM_WS_FRAME_H

#include "base/str.h"

enum ws_opcode {
    WS_OP_CONT = 0,
    WS_OP_TEXT = 1,
    WS_OP_BINARY = 2,
    WS_OP_CLOSE = 8,
    WS_OP_PING = 9,
    WS_OP_PONG = 10
};

enum ws_close {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* never on the wire: the peer gave no code */
    WS_CLOSE_ABNORMAL = 1006,  /* never on the wire: the connection was cut */
    WS_CLOSE_BAD_DATA = 1007,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
};

enum ws_result { WS_MORE, WS_TEXT, WS_BINARY, WS_PING, WS_PONG, WS_CLOSE, WS_FAILED };

struct
    ws_partial; /* bytes of a message or control frame that came in pieces; exists only meanwhile */

struct ws_decoder {
    struct ws_partial *partial;
    uint64_t left; /* payload bytes of the current frame still to come */
    uint32_t max_message;
    uint32_t utf8_state;
    uint8_t head[14];
    uint8_t mask[4];
    uint8_t head_len, mask_at, opcode, message_opcode;
    uint16_t failure;
    bool is_fin, in_payload, was_delivered;
};

/* What one step found. TEXT/BINARY: the whole message; PING/PONG: payload; CLOSE: code (1005 when absent) and reason; FAILED: the close code to send. */
struct ws_item {
    struct str bytes;
    uint16_t code;
};

void ws_decoder_init(struct ws_decoder *d, size_t max_message);
void ws_decoder_release(struct ws_decoder *d);
/* Eats up to `len` bytes, unmasking in place, until something is whole; call again with the rest. `item->bytes` lives in `p` or in the decoder until the next call. */
enum ws_result ws_decoder_next(struct ws_decoder *d, char *p, size_t len, size_t *used_out,
                               struct ws_item *item_out);
/* Bytes held for a message under way (for limits and tests). */
size_t ws_decoder_held(const struct ws_decoder *d);

#define WS_HEAD_MAX 10
/* Head of an unmasked frame; returns its length. */
size_t ws_encode_head(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, bool is_fin,
                      uint64_t payload_len);
/* May this code stand in a close frame (RFC 6455 7.4, IANA registry)? */
bool ws_close_code_is_valid(uint16_t code);

#endif
