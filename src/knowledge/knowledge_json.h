/* The room's shapes of spec/openapi.yaml as JSON, and back. Private to the room. */
#ifndef KNOWLEDGE_JSON_H
#define KNOWLEDGE_JSON_H

#include "base/json.h"
#include "knowledge/kb.h"

void category_write_json(struct json_writer *w, const struct category *c);
ERR_MUST_USE enum err category_read_json(const struct json *o, struct category *out,
                                         struct errinfo *info);
void translation_write_json(struct json_writer *w, const struct translation *t);
void article_write_json(struct json_writer *w, const struct article *a,
                        const struct translation *translations, size_t n);
void article_summary_write_json(struct json_writer *w, const struct article *a,
                                const struct translation *translations, size_t n);
void article_version_write_json(struct json_writer *w, const struct article_version *v);
ERR_MUST_USE enum err article_text_read_json(struct arena *arena, const struct json *o,
                                             struct article_text *out, struct errinfo *info);
void public_article_summary_write_json(struct json_writer *w, const struct kb_article *a);
/* "none" | "money" */
ERR_MUST_USE enum err risk_read_json(const struct json *o, const char *key, bool *is_given_out,
                                     enum article_risk *out, struct errinfo *info);

#endif
