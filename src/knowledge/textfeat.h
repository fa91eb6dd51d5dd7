/* Features of a normalised text: what is counted by the index (and by the classifier that will stand beside it). Pure. */
#ifndef KNOWLEDGE_TEXTFEAT_H
#define KNOWLEDGE_TEXTFEAT_H

#include "base/arena.h"
#include "base/str.h"

enum feature_kind {
    FEATURE_UNI,  /* a word's stem, or one Han character */
    FEATURE_PAIR, /* two neighbours */
    FEATURE_GRAM, /* four letters of a word, with its edges */
};

struct feature {
    uint64_t hash; /* of kind and text; the same in every process */
    enum feature_kind kind;
};

/* Distinct features of a text that went through normalise_text. */
struct feature *textfeat_of(struct arena *arena, struct str normalised, size_t *n_out);
/* Light English stem: plural, -ing, -ed, final e. For matching only ("credited", "credits", "crediting" -> "credit"). */
struct str textfeat_stem(struct arena *arena, struct str word);

#endif
