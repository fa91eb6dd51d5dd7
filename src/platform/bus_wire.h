/* What nodes say to each other on the message server: pure. Outsiders may listen, too (docs/operations/nats.md), so it is plain text:
 *
 *     subject  <prefix>.all | <prefix>.conversation.<id> | <prefix>.team.<id>
 *     data     stablehand1 <mac> <node> <at> <kind>\n<payload>
 *
 * node: 16 hex digits; at: microseconds since 1970 by the sender's clock; kind: [a-z0-9_.]; payload: a JSON object. mac: the first 16 bytes, as hex, of
 * HMAC-SHA256 over the subject, a space, and everything behind the mac and its space. So nobody without the key can say anything, or say it elsewhere; what was said
 * once can be said again, which costs no more than the hint or the signal did. The kind "hint" means: events were committed, look. */
#ifndef PLATFORM_BUS_WIRE_H
#define PLATFORM_BUS_WIRE_H

#include "base/buf.h"
#include "platform/bus.h"

#define BUS_PREFIX_MAX 64
#define BUS_SUBJECT_MAX (BUS_PREFIX_MAX + 40)
#define BUS_WIRE_MAX (BUS_PAYLOAD_MAX + 160) /* of the data */
#define BUS_WIRE_HINT "hint"

/* Words of [A-Za-z0-9_-] joined by dots, at most BUS_PREFIX_MAX bytes. */
bool bus_wire_is_prefix(struct str prefix);
/* NUL-terminated; `prefix` is one. */
void bus_wire_subject(const char *prefix, struct bus_topic topic, char out[BUS_SUBJECT_MAX]);
bool bus_wire_topic(const char *prefix, struct str subject, struct bus_topic *out);

struct bus_word {
    struct str node;
    int64_t at_us;
    struct str kind;
    struct str payload;
};
/* `out` has a cap of BUS_WIRE_MAX at least; cleared first. */
void bus_wire_encode(const uint8_t key[32], struct str subject, const struct bus_word *word,
                     struct buf *out);
enum bus_verdict { BUS_WIRE_GOOD, BUS_WIRE_MALFORMED, BUS_WIRE_FORGED };
/* The strings point into `data`. */
enum bus_verdict bus_wire_decode(const uint8_t key[32], struct str subject, struct str data,
                                 struct bus_word *out);

#endif
