/* Reads one article file of content/ (format: content/README.md): front matter between --- lines, then the Markdown body. Pure.
 * A strict little language, not YAML: scalars "key: value", one literal block "answer: |", one list "phrasings:". */
#ifndef KNOWLEDGE_FRONTMATTER_H
#define KNOWLEDGE_FRONTMATTER_H

#include "base/arena.h"
#include "base/err.h"

#define FRONTMATTER_MAX_FILE 200000
#define FRONTMATTER_MAX_PHRASINGS 100

struct article_source {
    struct str title, category, summary, answer, body;
    int64_t order;
    bool is_money; /* risk: money */
    struct str *phrasings;
    size_t n_phrasings;
};
/* Strings point into `file` except answer (its indent is removed: arena). ERR_INVALID: field names the line ("line 7"). */
ERR_MUST_USE enum err frontmatter_parse(struct arena *arena, struct str file,
                                        struct article_source *out, struct errinfo *info);

#endif
