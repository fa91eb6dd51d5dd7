/* The proof in a WebSocket handshake that the server has read the request (RFC 6455 4.2.2). */
#ifndef PLATFORM_WS_ACCEPT_H
#define PLATFORM_WS_ACCEPT_H

#include "base/str.h"

bool ws_accept_key_is_good(struct str key); /* base64 of 16 bytes */
/* base64(SHA-1(key + the RFC's UUID)) of a good key. */
struct str ws_accept_answer(struct str key, char out[32]);

#endif
