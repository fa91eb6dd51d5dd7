/* The mac is looked at before the payload is: a stranger's JSON is never parsed. */
#include "platform/bus_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/json.h"
#include "platform/crypto.h"

#define MAGIC "stablehand1 "
#define MAC_LEN 32 /* hex digits */
#define NODE_LEN 16
#define KIND_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_."

static bool consists_of(struct str s, const char *chars)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '\0' || strchr(chars, s.p[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* ---- subjects ---- */

bool bus_wire_is_prefix(struct str prefix)
{
    struct str rest = prefix;
    struct str word;
    if (prefix.len == 0 || prefix.len > BUS_PREFIX_MAX || prefix.p[prefix.len - 1] == '.') {
        return false;
    }
    while (str_split(&rest, '.', &word)) {
        if (word.len == 0 || !consists_of(word, "abcdefghijklmnopqrstuvwxyz"
                                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")) {
            return false;
        }
    }
    return true;
}

void bus_wire_subject(const char *prefix, struct bus_topic topic, char out[BUS_SUBJECT_MAX])
{
    if (topic.scope == BUS_ALL) {
        (void)snprintf(out, BUS_SUBJECT_MAX, "%s.all", prefix);
    } else {
        (void)snprintf(out, BUS_SUBJECT_MAX, "%s.%s.%" PRId64, prefix,
                       topic.scope == BUS_TEAM ? "team" : "conversation", topic.id);
    }
}

bool bus_wire_topic(const char *prefix, struct str subject, struct bus_topic *out)
{
    struct str head = str_from(prefix);
    struct str scope;
    struct str rest;
    struct bus_topic topic = {BUS_ALL, 0};
    if (subject.len >= BUS_SUBJECT_MAX || !str_starts(subject, head) ||
        subject.len <= head.len + 1 || subject.p[head.len] != '.') {
        return false;
    }
    rest = str_sub(subject, head.len + 1, SIZE_MAX);
    if (str_eq(rest, STR("all"))) {
        *out = topic;
        return true;
    }
    if (!str_split(&rest, '.', &scope) || !str_to_i64(rest, &topic.id) || topic.id <= 0) {
        return false;
    }
    if (str_eq(scope, STR("conversation"))) {
        topic.scope = BUS_CONVERSATION;
    } else if (str_eq(scope, STR("team"))) {
        topic.scope = BUS_TEAM;
    } else {
        return false;
    }
    char same[BUS_SUBJECT_MAX]; /* "007" is nobody's */
    bus_wire_subject(prefix, topic, same);
    if (!str_eq_cstr(subject, same)) {
        return false;
    }
    *out = topic;
    return true;
}

/* ---- data ---- */

static void bus_mac(const uint8_t key[32], struct str subject, struct str tail, char out[MAC_LEN])
{
    char text[BUS_SUBJECT_MAX + 1 + BUS_WIRE_MAX];
    uint8_t mac[32];
    ASSERT(subject.len < BUS_SUBJECT_MAX && tail.len <= BUS_WIRE_MAX);
    memcpy(text, subject.p, subject.len);
    text[subject.len] = ' ';
    memcpy(text + subject.len + 1, tail.p, tail.len);
    crypto_hmac_sha256((struct str){(const char *)key, 32},
                       (struct str){text, subject.len + 1 + tail.len}, mac);
    for (size_t i = 0; i < MAC_LEN / 2; i++) {
        out[2 * i] = "0123456789abcdef"[mac[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[mac[i] & 15];
    }
}

void bus_wire_encode(const uint8_t key[32], struct str subject, const struct bus_word *word,
                     struct buf *out)
{
    ASSERT(word->payload.len <= BUS_PAYLOAD_MAX && word->node.len == NODE_LEN &&
           word->kind.len <= BUS_KIND_MAX);
    buf_clear(out);
    (void)buf_add_cstr(out, MAGIC);
    char *mac = buf_reserve(out, MAC_LEN);
    ASSERT(mac != NULL);
    memset(mac, '0', MAC_LEN);
    buf_advance(out, MAC_LEN);
    (void)buf_printf(out, " " STR_FMT " %" PRId64 " " STR_FMT "\n", STR_ARG(word->node),
                     word->at_us, STR_ARG(word->kind));
    (void)buf_add_str(out, word->payload);
    ASSERT(buf_err(out) == ERR_OK);
    size_t head = sizeof(MAGIC) - 1;
    bus_mac(key, subject, str_sub(buf_str(out), head + MAC_LEN + 1, SIZE_MAX), out->p + head);
}

static bool bus_wire_split(struct str data, struct str *mac, struct str *tail, struct bus_word *out)
{
    struct str at;
    size_t end = str_find_char(data, '\n');
    if (data.len > BUS_WIRE_MAX || end > BUS_WIRE_MAX - BUS_PAYLOAD_MAX ||
        !str_starts(data, STR(MAGIC))) {
        return false;
    }
    struct str head = str_sub(data, sizeof(MAGIC) - 1, end - (sizeof(MAGIC) - 1));
    out->payload = str_sub(data, end + 1, SIZE_MAX);
    if (!str_split(&head, ' ', mac) || mac->len != MAC_LEN) {
        return false;
    }
    *tail = str_sub(data, sizeof(MAGIC) - 1 + MAC_LEN + 1, SIZE_MAX);
    if (!str_split(&head, ' ', &out->node) || out->node.len != NODE_LEN ||
        !consists_of(out->node, "0123456789abcdef") || !str_split(&head, ' ', &at) ||
        !str_to_i64(at, &out->at_us) || out->at_us < 0) {
        return false;
    }
    out->kind = head;
    return head.len > 0 && head.len <= BUS_KIND_MAX && consists_of(head, KIND_CHARS) &&
           out->payload.len <= BUS_PAYLOAD_MAX;
}

static bool is_json_object(struct str text)
{
    struct json_doc *doc = NULL;
    bool is_object =
        json_parse(text, BUS_PAYLOAD_MAX, &doc, NULL) == ERR_OK && json_is_object(json_root(doc));
    json_doc_free(&doc);
    return is_object;
}

enum bus_verdict bus_wire_decode(const uint8_t key[32], struct str subject, struct str data,
                                 struct bus_word *out)
{
    struct bus_word word;
    struct str mac;
    struct str tail;
    char expected[MAC_LEN];
    if (subject.len >= BUS_SUBJECT_MAX || !bus_wire_split(data, &mac, &tail, &word)) {
        return BUS_WIRE_MALFORMED;
    }
    bus_mac(key, subject, tail, expected);
    if (!str_eq_consttime(mac, (struct str){expected, MAC_LEN})) {
        return BUS_WIRE_FORGED;
    }
    if (!is_json_object(word.payload)) {
        return BUS_WIRE_MALFORMED;
    }
    *out = word;
    return BUS_WIRE_GOOD;
}
