/* One walk over the characters; at each place the finders are asked in a fixed order and the first that has something is taken: shapes (an address holds digits that
 * would be a sum), times (a date holds numbers), orders, sums, names. */
#include "knowledge/entity.h"

#include "base/check.h"
#include "guard/guard.h"
#include "knowledge/entity_internal.h"
#include "knowledge/shapes.h"

const char *entity_kind_name(enum entity_kind kind)
{
    static const char *const names[ENTITY_KIND_COUNT] = {
        [ENTITY_LINK] = "link",     [ENTITY_EMAIL] = "email", [ENTITY_ADDRESS] = "address",
        [ENTITY_TXID] = "txid",     [ENTITY_ORDER] = "order", [ENTITY_NUMBER] = "number",
        [ENTITY_AMOUNT] = "amount", [ENTITY_COIN] = "coin",   [ENTITY_NETWORK] = "network",
        [ENTITY_TIME] = "time",
    };
    return names[kind];
}

struct finder {
    const struct chars *t;
    struct arena *arena;
    struct entity found;
};

static struct str as_written(const struct finder *f, size_t at, size_t n)
{
    return str_dup(f->arena, chars_ascii(f->t, at, at + n));
}

static void set_address(struct finder *f, size_t at, size_t n)
{
    struct address a;
    struct str s = chars_ascii(f->t, at, at + n);
    f->found.kind = ENTITY_ADDRESS;
    if (!address_parse(s, &a)) {
        f->found.value = as_written(f, at, n);
        return;
    }
    f->found.value = address_normal(f->arena, s, &a);
    f->found.unit = str_from(address_chain_name(a.chain));
    f->found.is_doubtful = a.checksum == CHECKSUM_BAD;
}

/* Punctuation that ends a sentence belongs to no link. */
static size_t trim_link(const struct chars *t, size_t at, size_t n)
{
    while (n > 1 && strchr(".,!?;:)", t->ascii[at + n - 1]) != NULL) {
        n--;
    }
    return n;
}

static size_t find_shape(struct finder *f, size_t at)
{
    enum shape shape = SHAPE_NONE;
    struct address a;
    size_t n = shape_match(chars_ascii(f->t, at, f->t->n), &shape);
    struct entity *e = &f->found;
    switch (shape) {
    case SHAPE_URL:
        n = trim_link(f->t, at, n);
        e->kind = ENTITY_LINK;
        e->value = as_written(f, at, n);
        return n;
    case SHAPE_EMAIL:
        n = trim_link(f->t, at, n);
        e->kind = ENTITY_EMAIL;
        e->value = str_lower_ascii(f->arena, chars_ascii(f->t, at, at + n));
        return n;
    case SHAPE_ADDR_EVM:
    case SHAPE_ADDR_TRON:
    case SHAPE_ADDR_BTC:
    case SHAPE_ADDR:
        set_address(f, at, n);
        return n;
    case SHAPE_TXID:
        e->kind = ENTITY_TXID;
        e->value = str_lower_ascii(f->arena, chars_ascii(f->t, at, at + n));
        e->unit = str_starts(e->value, STR("0x")) ? STR("evm") : (struct str){0};
        return n;
    case SHAPE_NONE:
    case SHAPE_AMOUNT:
    case SHAPE_NUMBER:
    case SHAPE_COUNT:
        break;
    }
    /* A base58 address that is a letter short or long has no shape of its own. */
    n = 0;
    while (chars_is_word(f->t, at + n)) {
        n++;
    }
    if (n >= 25 && address_parse(chars_ascii(f->t, at, at + n), &a)) {
        set_address(f, at, n);
        return n;
    }
    return 0;
}

/* Letters, digits and hyphens with at least four digits: what an order number looks like once somebody says that it is one. */
static size_t order_run(const struct chars *t, size_t at)
{
    size_t n = 0;
    size_t n_digits = 0;
    while (at + n < t->n && (chars_is_word(t, at + n) ||
                             (n > 0 && t->ascii[at + n] == '-' && chars_is_word(t, at + n + 1)))) {
        n_digits += t->ascii[at + n] >= '0' && t->ascii[at + n] <= '9';
        n++;
    }
    return n_digits >= 4 && n <= 40 ? n : 0;
}

/* Behind "order", "订单" ...: how far the number is. */
static size_t skip_to_number(const struct chars *t, size_t at, bool *is_sure_out)
{
    static const struct str between[] = {STR_INIT("number"), STR_INIT("no"), STR_INIT("id"),
                                         STR_INIT("号码"),   STR_INIT("号"), STR_INIT("编号"),
                                         STR_INIT("is"),     STR_INIT("是"), STR_INIT("为")};
    for (int steps = 0; steps < 6; steps++) {
        size_t before = at;
        while (at < t->n && (t->ascii[at] == ' ' || t->ascii[at] == ':' || t->ascii[at] == '#' ||
                             t->ascii[at] == '.')) {
            *is_sure_out = *is_sure_out || t->ascii[at] == '#' || t->ascii[at] == ':';
            at++;
        }
        for (size_t i = 0; i < ARRAY_LEN(between); i++) {
            size_t n = entity_word_at(t, at, between[i]);
            if (n > 0) {
                at += n;
                *is_sure_out = true;
                break;
            }
        }
        if (at == before) {
            break;
        }
    }
    return at;
}

static size_t find_order(struct finder *f, size_t at)
{
    static const struct str cues[] = {STR_INIT("order"),  STR_INIT("ticket"), STR_INIT("订单"),
                                      STR_INIT("单号"),   STR_INIT("工单"),   STR_INIT("委托"),
                                      STR_INIT("流水号"), STR_INIT("#")};
    for (size_t i = 0; i < ARRAY_LEN(cues); i++) {
        size_t n = entity_word_at(f->t, at, cues[i]);
        if (n == 0) {
            continue;
        }
        bool is_sure = cues[i].p[0] == '#';
        size_t from = skip_to_number(f->t, at + n, &is_sure);
        size_t n_run = order_run(f->t, from);
        bool has_unit = false;
        struct str value;
        struct str unit;
        enum shape shape = SHAPE_NONE;
        (void)shape_match(chars_ascii(f->t, from, f->t->n), &shape);
        size_t n_amount = entity_amount(f->t, from, f->arena, &value, &unit, &has_unit);
        /* "order 1000 USDT", "order 5000": sums; and an address is an address. */
        if (n_run < (is_sure ? 4U : 6U) || (n_amount > 0 && has_unit) ||
            (shape != SHAPE_NONE && shape != SHAPE_AMOUNT && shape != SHAPE_NUMBER)) {
            continue;
        }
        char *upper = arena_alloc(f->arena, n_run);
        for (size_t j = 0; j < n_run; j++) {
            char c = f->t->ascii[from + j];
            upper[j] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        }
        f->found.kind = ENTITY_ORDER;
        f->found.value = (struct str){upper, n_run};
        f->found.from = from; /* the cue itself is no part of it */
        return from + n_run - at;
    }
    return 0;
}

static size_t find_amount(struct finder *f, size_t at)
{
    bool has_unit = false;
    struct entity *e = &f->found;
    size_t n = entity_amount(f->t, at, f->arena, &e->value, &e->unit, &has_unit);
    size_t n_digits = 0;
    bool has_point = false;
    for (size_t i = at; i < at + n; i++) {
        n_digits += f->t->ascii[i] >= '0' && f->t->ascii[i] <= '9';
        has_point = has_point || f->t->ascii[i] == '.' || f->t->ascii[i] == ',';
    }
    if (n == 0 || (!has_unit && !has_point && n_digits < 3)) {
        return 0;
    }
    e->kind = !has_unit && !has_point && n_digits >= 8 ? ENTITY_NUMBER : ENTITY_AMOUNT;
    if (e->kind == ENTITY_NUMBER) {
        e->value = as_written(f, at, n);
    }
    return n;
}

/* A coin's name with "network" behind or "on" before means its chain. */
static bool is_chain(const struct chars *t, size_t at, size_t *n)
{
    static const struct str after[] = {STR_INIT("network"), STR_INIT("chain"), STR_INIT("mainnet"),
                                       STR_INIT("网络"),    STR_INIT("主网"),  STR_INIT("公链"),
                                       STR_INIT("链")};
    static const struct str before[] = {STR_INIT("on "), STR_INIT("via "), STR_INIT("over "),
                                        STR_INIT("走")};
    size_t next = entity_skip_spaces(t, at + *n);
    for (size_t i = 0; i < ARRAY_LEN(after); i++) {
        size_t n_after = entity_word_at(t, next, after[i]);
        if (n_after > 0) {
            *n = next + n_after - at;
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        size_t len = (before[i].p[0] & 0x80) != 0 ? 1 : before[i].len;
        if (at >= len && chars_match(t, at - len, before[i]) > 0 &&
            ((before[i].p[0] & 0x80) != 0 || at == len || !chars_is_word(t, at - len - 1))) {
            return true;
        }
    }
    return false;
}

static size_t find_name(struct finder *f, size_t at)
{
    struct entity *e = &f->found;
    struct str code = {0};
    struct str network = {0};
    size_t n_network = entity_network(f->t, at, &network);
    size_t n_coin = entity_coin(f->t, at, false, &code);
    if (n_network > 0 && n_network >= n_coin) {
        e->kind = ENTITY_NETWORK;
        e->value = network;
        return n_network;
    }
    if (n_coin == 0) {
        return 0;
    }
    struct str chain = entity_chain_of(code);
    bool is_network = chain.len > 0 && is_chain(f->t, at, &n_coin);
    e->kind = is_network ? ENTITY_NETWORK : ENTITY_COIN;
    e->value = is_network ? chain : code;
    return n_coin;
}

/* "USDT: 100", "BTC 0.5": the coin in front belongs to the sum. */
static bool joins_coin(const struct chars *t, const struct entity *coin,
                       const struct entity *amount)
{
    if (coin->kind != ENTITY_COIN || amount->kind != ENTITY_AMOUNT || amount->unit.len > 0) {
        return false;
    }
    for (size_t i = coin->to; i < amount->from; i++) {
        if (t->ascii[i] != ' ' && t->ascii[i] != ':') {
            return false;
        }
    }
    return true;
}

static bool is_digit_at(const struct chars *t, size_t at)
{
    return at < t->n && t->ascii[at] >= '0' && t->ascii[at] <= '9';
}

/* In the middle of a word or a number: nothing begins here. Letters behind digits may ("500usdt"). */
static bool is_inside(const struct chars *t, size_t at)
{
    if (at == 0 || !chars_is_word(t, at)) {
        return false;
    }
    bool is_digit = is_digit_at(t, at);
    if (chars_is_word(t, at - 1)) {
        return is_digit || !is_digit_at(t, at - 1);
    }
    bool is_point = t->ascii[at - 1] == '.' || t->ascii[at - 1] == ',';
    return is_digit && at > 1 && is_point && is_digit_at(t, at - 2);
}

static size_t find_at(struct finder *f, size_t at)
{
    const struct chars *t = f->t;
    f->found = (struct entity){.from = at};
    if (is_inside(t, at) || t->ascii[at] == ' ') {
        return 0;
    }
    size_t n = chars_is_word(t, at) ? find_shape(f, at) : 0;
    if (n == 0) {
        f->found.kind = ENTITY_TIME;
        n = entity_time(t, at, f->arena, &f->found.value);
    }
    n = n > 0 ? n : find_order(f, at);
    n = n > 0 ? n : find_amount(f, at);
    return n > 0 ? n : find_name(f, at);
}

size_t entities_find(struct arena *arena, struct str text, struct entity *out, size_t max)
{
    struct chars t;
    chars_of(arena, text, ENTITY_MAX_BYTES, &t);
    struct finder f = {.t = &t, .arena = arena};
    size_t n_out = 0;
    for (size_t at = 0; at < t.n && n_out < max;) {
        size_t n = find_at(&f, at);
        if (n == 0) {
            at++;
            continue;
        }
        at += n;
        f.found.to = at;
        if (n_out > 0 && joins_coin(&t, &out[n_out - 1], &f.found)) {
            f.found.unit = out[n_out - 1].value;
            f.found.from = out[n_out - 1].from;
            n_out--;
        }
        out[n_out++] = f.found;
    }
    for (size_t i = 0; i < n_out; i++) {
        out[i].from = t.from[out[i].from];
        out[i].to = t.from[out[i].to];
    }
    return n_out;
}
