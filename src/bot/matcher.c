#include "bot/matcher.h"

static size_t match(void *self, const struct kb *kb, enum lang lang, struct str text,
                    struct bot_match *out, size_t max)
{
    (void)self;
    struct kb_hit hits[BOT_MAX_MATCHES];
    size_t n = kb_search(kb, lang, text, hits, max < BOT_MAX_MATCHES ? max : BOT_MAX_MATCHES);
    for (size_t i = 0; i < n; i++) {
        out[i] =
            (struct bot_match){hits[i].article, hits[i].phrasing, hits[i].score, hits[i].is_exact};
    }
    return n;
}

const struct bot_matcher *bot_matcher_retrieval(void)
{
    static const struct bot_matcher matcher = {.name = "retrieval", .match = match};
    return &matcher;
}
