/* The bot's understanding: trained from phrasings, asked with questions. One model serves both languages of a tenant; labels are whatever the caller counts
 * by (an intent, an article's slug).
 *
 * A question is decided by, in this order: the very same phrasing (normalised); for labels with one or two phrasings, how close the question comes to them
 * (retrieval); for the others, the classifier. Every answer carries a probability and a rank of certainty to cut by.
 *
 * Threads: a model never changes; any number of threads may ask one. model_train takes seconds and may run on a thread of low priority (is_cancelled ends it); its
 * result is swapped in by exchanging a pointer: readers model_ref the one they use and model_unref it afterwards, the last one frees it.
 * Same examples in the same order and same options: same bytes, on any machine. */
#ifndef BOT_MODEL_H
#define BOT_MODEL_H

#include "bot/fit.h"
#include "knowledge/lang.h"

#define MODEL_MAX_EXAMPLES 200000
#define MODEL_MAX_LABEL 200 /* bytes */
#define MODEL_MAX_TEXT 2000 /* bytes of a phrasing; longer questions are cut by normalising */
#define MODEL_THIN 3        /* labels with fewer phrasings are decided by retrieval */

struct model;

struct model_example {
    struct str label, text;
};

/* What training found out about itself, from phrasings held back (each asked of a model that had not seen it). */
struct model_report {
    uint32_t n_examples, n_labels, n_features;
    uint32_t n_checked, n_right;
    /* The label most often taken for one other: share of its checked phrasings. Empty strings: none. Strings live as long as the model. */
    struct str confused, taken_for;
    double confused_share;
};

/* ERR_INVALID: fewer than two labels, an empty label or text; ERR_LIMIT: too many or too long. errinfo.field is "examples[17].text". ERR_TIMEOUT: cancelled.
 * `options` NULL: the default ones. `report` NULL: not wanted. */
ERR_MUST_USE enum err model_train(const struct model_example *examples, size_t n,
                                  const struct fit_options *options, struct model **out,
                                  struct model_report *report, struct errinfo *info);
struct model *model_ref(struct model *m);
void model_unref(struct model **m); /* NULL is fine */

uint32_t model_n_labels(const struct model *m);
struct str model_label(const struct model *m, uint32_t label);

/* ---- asking ---- */

enum model_by { MODEL_BY_EXACT, MODEL_BY_RETRIEVAL, MODEL_BY_CLASSIFIER, MODEL_BY_NOTHING };
const char *model_by_name(enum model_by by);

#define MODEL_TOP 5
struct model_answer {
    uint32_t label;
    float p;
};
struct model_prediction {
    enum model_by by; /* MODEL_BY_NOTHING: not one known word or character */
    enum script script;
    struct model_answer top[MODEL_TOP]; /* best first */
    uint32_t n_top;
    float
        scope_score; /* higher: rather in scope; 0 where 5 % of answerable questions are lost, 1 at the middle one */
    float
        scope_rank; /* share of answerable questions that look less certain, 0..1: reject below the operator's slider (0.05: 5 % of good questions lost) */
    float unknown_share; /* of the question's words */
    struct str phrasing; /* exact and retrieval: the one that was met; lives as long as the model */
};
/* Any text; capped inside. Scratch from `arena`. */
void model_predict(const struct model *m, struct arena *arena, struct str text,
                   struct model_prediction *out);

/* ---- file ---- */

#define MODEL_FILE_MAX (256U << 20)
/* Self-describing: magic, version, length, SHA-256. The caller writes it (beside, then rename). ERR_LIMIT: larger than MODEL_FILE_MAX. */
ERR_MUST_USE enum err model_encode(const struct model *m, struct buf *out);
/* ERR_PROTOCOL: not a model file, of another version, cut, changed, or inconsistent; errinfo says which. */
ERR_MUST_USE enum err model_decode(struct str bytes, struct model **out, struct errinfo *info);

#endif
