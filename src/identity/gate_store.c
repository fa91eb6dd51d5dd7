#include "identity/gate_store.h"

#include "base/check.h"
#include "base/codec.h"
#include "platform/proxy.h"

void gate_add(struct gate *gate, const struct identity *identity, enum throttle_kind kind,
              struct str subject)
{
    static const char *const purposes[] = {
        [THROTTLE_DEVICE] = "throttle device",   [THROTTLE_PAIR] = "throttle pair",
        [THROTTLE_ADDRESS] = "throttle address", [THROTTLE_GLOBAL] = "throttle global",
        [THROTTLE_TOTP] = "throttle totp",       [THROTTLE_SESSION] = "throttle session",
    };
    ASSERT(gate->n < GATE_MAX);
    gate->items[gate->n].kind = kind;
    gate->items[gate->n].key = identity_keyed_hash(identity, purposes[kind], subject);
    gate->n++;
}

struct str gate_address(struct arena *arena, struct str text)
{
    static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    struct ip ip;
    if (!ip_parse(text, &ip)) {
        return text;
    }
    return memcmp(ip.b, v4_mapped, sizeof(v4_mapped)) == 0 ? codec_hex(arena, ip.b + 12, 4)
                                                           : codec_hex(arena, ip.b, 8);
}

enum err gate_enter(struct db_txn *txn, const struct gate *gate, int64_t now, struct errinfo *info)
{
    struct throttle states[GATE_MAX];
    int64_t wait = 0;
    for (size_t i = 0; i < gate->n; i++) {
        enum err err = throttle_store_load(txn, &gate->items[i].key, &states[i]);
        if (err != ERR_OK) {
            return err;
        }
        int64_t w = throttle_wait(&states[i], now);
        wait = w > wait ? w : wait;
    }
    if (wait > 0) {
        (void)err_set(info, ERR_LIMIT, "", "too_many_attempts",
                      "Too many attempts. Try again in %lld seconds.",
                      (long long)((wait + 999) / 1000));
        return err_retry_after(info, ERR_LIMIT, wait);
    }
    for (size_t i = 0; i < gate->n; i++) {
        struct throttle next =
            throttle_count(&states[i], throttle_policy_get(gate->items[i].kind), now);
        enum err err = throttle_store_save(txn, &gate->items[i].key, &next);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

enum err gate_pass(struct db_txn *txn, const struct gate *gate, int64_t now)
{
    for (size_t i = 0; i < gate->n; i++) {
        enum throttle_kind kind = gate->items[i].kind;
        struct throttle t;
        enum err err = throttle_store_load(txn, &gate->items[i].key, &t);
        if (err == ERR_OK && (kind == THROTTLE_ADDRESS || kind == THROTTLE_GLOBAL)) {
            t = throttle_give_back(&t, throttle_policy_get(kind), now);
            err = throttle_store_save(txn, &gate->items[i].key, &t);
        } else if (err == ERR_OK) {
            err = throttle_store_delete(txn, &gate->items[i].key);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}
