/* What the room keeps: categories, articles, translations, versions. Private to the room; other rooms see the snapshot (knowledge.h). */
#ifndef KNOWLEDGE_ARTICLE_H
#define KNOWLEDGE_ARTICLE_H

#include "base/ids.h"
#include "knowledge/knowledge.h"

ID_TYPE(category_id);
ID_TYPE(translation_id);

struct category {
    struct category_id id;
    struct str slug, icon;
    struct str name[LANG_COUNT], description[LANG_COUNT];
    int64_t position;
    int64_t n_published[LANG_COUNT];
};

struct article {
    struct article_id id;
    struct category_id category;
    struct str slug;
    enum article_risk risk;
    int64_t position, version, updated_at;
};

struct article_text {
    struct str title, summary, answer, body;
    struct str phrasings; /* JSON array of strings */
};

struct translation {
    struct translation_id id; /* 0: none yet */
    struct article_id article;
    enum lang lang;
    struct article_text text; /* of the draft */
    int64_t version, published_version /* 0: not published */, published_at, updated_at;
    int64_t helpful, not_helpful;
};

struct article_version {
    int64_t version;
    struct article_text text;
    int64_t published_at;
    struct agent_id published_by;
};

struct article_filter {
    struct str q; /* part of slug or of a title; empty: all */
    struct category_id category;
    int64_t after; /* id */
    int limit;
};

#endif
