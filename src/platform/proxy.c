#include "platform/proxy.h"

#include <arpa/inet.h>

#include "base/vec.h"

struct network {
    struct ip ip;
    int bits; /* of 128 */
};
struct proxies {
    VEC(struct network) networks;
};

static bool parse_bare(struct str text, struct ip *out)
{
    char s[IP_TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof(s)) {
        return false;
    }
    memcpy(s, text.p, text.len);
    s[text.len] = '\0';
    struct in_addr v4;
    if (inet_pton(AF_INET, s, &v4) == 1) {
        *out = (struct ip){.b = {[10] = 0xff, [11] = 0xff}};
        memcpy(out->b + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, s, out->b) == 1;
}

bool ip_parse(struct str text, struct ip *out)
{
    text = str_trim(text);
    if (text.len && text.p[0] == '[') {
        size_t end = str_find_char(text, ']');
        return end != SIZE_MAX && (end + 1 == text.len || text.p[end + 1] == ':') &&
               parse_bare(str_sub(text, 1, end - 1), out);
    }
    size_t colon = str_find_char(text, ':');
    bool is_v4_port =
        colon != SIZE_MAX && str_find_char(str_sub(text, colon + 1, text.len), ':') == SIZE_MAX;
    return parse_bare(is_v4_port ? str_sub(text, 0, colon) : text, out);
}

static bool is_v4(const struct ip *ip)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(ip->b, prefix, 12) == 0;
}

struct str ip_format(const struct ip *ip, char out[IP_TEXT_MAX])
{
    const char *s = is_v4(ip) ? inet_ntop(AF_INET, ip->b + 12, out, IP_TEXT_MAX)
                              : inet_ntop(AF_INET6, ip->b, out, IP_TEXT_MAX);
    return str_from(s);
}

static bool parse_network(struct str text, struct network *out)
{
    size_t slash = str_find_char(text, '/');
    if (!parse_bare(slash == SIZE_MAX ? text : str_sub(text, 0, slash), &out->ip)) {
        return false;
    }
    int base = is_v4(&out->ip) ? 96 : 0;
    int64_t bits = 128 - base;
    if (slash != SIZE_MAX &&
        (!str_to_i64(str_sub(text, slash + 1, text.len), &bits) || bits < 0 || bits > 128 - base)) {
        return false;
    }
    out->bits = base + (int)bits;
    return true;
}

enum err proxies_parse(const char *list, struct proxies **out, struct errinfo *info)
{
    struct proxies *p = MEM_NEW(struct proxies);
    struct str rest = str_from(list), part;
    while (str_split(&rest, ',', &part)) {
        struct network network;
        part = str_trim(part);
        if (part.len == 0) {
            continue;
        }
        if (!parse_network(part, &network)) {
            proxies_free(&p);
            return err_set(info, ERR_INVALID, "trusted_proxies", "format",
                           "not an address or network: " STR_FMT, STR_ARG(part));
        }
        VEC_PUSH(&p->networks, network);
    }
    *out = p;
    return ERR_OK;
}

void proxies_free(struct proxies **p)
{
    if (*p) {
        VEC_RELEASE(&(*p)->networks);
        mem_free(*p);
        *p = NULL;
    }
}

static bool is_inside(const struct ip *ip, const struct network *n)
{
    int whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(ip->b, n->ip.b, (size_t)whole) != 0) {
        return false;
    }
    return rest == 0 || (ip->b[whole] ^ n->ip.b[whole]) >> (8 - rest) == 0;
}

bool proxies_trusts(const struct proxies *p, const struct ip *peer)
{
    for (size_t i = 0; i < p->networks.len; i++) {
        if (is_inside(peer, &p->networks.items[i])) {
            return true;
        }
    }
    return false;
}

struct ip proxies_client(const struct proxies *p, const struct ip *peer, struct str forwarded_for)
{
    struct ip client = *peer;
    while (forwarded_for.len && proxies_trusts(p, &client)) {
        size_t comma = forwarded_for.len;
        while (comma > 0 && forwarded_for.p[comma - 1] != ',') {
            comma--;
        }
        struct ip before;
        if (!ip_parse(str_sub(forwarded_for, comma, forwarded_for.len), &before)) {
            break; /* nonsense: stay with the last hop that somebody trusted vouched for */
        }
        client = before;
        forwarded_for.len = comma ? comma - 1 : 0;
    }
    return client;
}
