/* Normalised text is valid, has no capitals in ASCII and no double spaces, is not longer than promised, and the search takes it; folding removes all spaces. */
#include "base/check.h"
#include "base/utf8.h"
#include "knowledge/lang.h"
#include "knowledge/normalise.h"
#include "knowledge/retrieval.h"
#include "knowledge/textfeat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO arena = arena_new(0);
    struct str text = {(const char *)data, size};
    struct str n = normalise_text(arena, text);
    ASSERT(utf8_is_valid(n));
    for (size_t i = 0; i < n.len; i++) {
        ASSERT(n.p[i] != '\0' && !(n.p[i] >= 'A' && n.p[i] <= 'Z'));
        ASSERT(n.p[i] != ' ' || (i > 0 && i + 1 < n.len && n.p[i + 1] != ' '));
    }
    struct str fold = normalise_fold(arena, n);
    ASSERT(str_find_char(fold, ' ') == SIZE_MAX);
    size_t n_features;
    struct feature *f = textfeat_of(arena, n, &n_features);
    for (size_t i = 1; i < n_features; i++) {
        ASSERT(f[i - 1].hash < f[i].hash);
    }
    (void)lang_of_text(text, LANG_EN);
    (void)lang_negotiate(text, LANG_EN);

    const struct retrieval_doc docs[] = {
        {.group = 0, .text = text}, {.group = 1, .text = STR("deposit not credited 充值没到账")}};
    struct retrieval *r = retrieval_new(docs, 2, NULL);
    struct retrieval_hit hits[2];
    size_t n_hits = retrieval_search(r, arena, text, NULL, hits, 2);
    /* A question that has any word finds itself, exactly. */
    ASSERT(fold.len == 0 || (n_hits > 0 && hits[0].is_exact));
    retrieval_free(&r);
    return 0;
}
