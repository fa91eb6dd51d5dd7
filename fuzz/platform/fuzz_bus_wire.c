/* Words of other nodes: bytes are taken as data on a subject of ours and as a subject; nobody without the key is believed, and what we say is understood, there
 * and nowhere else, whole and unchanged. */
#include <string.h>

#include "base/check.h"
#include "platform/bus_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[32] = {1, 2, 3};
static const uint8_t other_key[32] = {3, 2, 1};

static void check_topic(struct str subject)
{
    struct bus_topic topic;
    char same[BUS_SUBJECT_MAX];
    if (bus_wire_topic("desk", subject, &topic)) {
        bus_wire_subject("desk", topic, same);
        ASSERT(str_eq_cstr(subject, same));
    }
    (void)bus_wire_is_prefix(subject);
}

static void check_payload(struct str payload)
{
    BUF_AUTO wire;
    struct bus_word out;
    struct bus_word word = {.node = STR("0123456789abcdef"),
                            .at_us = 1234567,
                            .kind = STR("typing"),
                            .payload = payload};
    buf_init(&wire, BUS_WIRE_MAX);
    bus_wire_encode(key, STR("desk.all"), &word, &wire);
    ASSERT(bus_wire_decode(other_key, STR("desk.all"), buf_str(&wire), &out) == BUS_WIRE_FORGED);
    ASSERT(bus_wire_decode(key, STR("desk.team.1"), buf_str(&wire), &out) == BUS_WIRE_FORGED);
    if (bus_wire_decode(key, STR("desk.all"), buf_str(&wire), &out) == BUS_WIRE_GOOD) {
        ASSERT(str_eq(out.payload, payload) && str_eq(out.kind, word.kind) &&
               str_eq(out.node, word.node) && out.at_us == word.at_us);
    }
    wire.p[str_hash(payload) % wire.len] ^= 1; /* any one bit */
    ASSERT(bus_wire_decode(key, STR("desk.all"), buf_str(&wire), &out) != BUS_WIRE_GOOD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_word out;
    struct str text = {(const char *)data, size};
    check_topic(text);
    ASSERT(bus_wire_decode(other_key, STR("desk.all"), text, &out) != BUS_WIRE_GOOD);
    if (size <= BUS_PAYLOAD_MAX) {
        check_payload(text);
    }
    return 0;
}
