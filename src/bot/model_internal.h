/* Inside of struct model: shared by model.c, model_file.c and predict.c. */
#ifndef BOT_MODEL_INTERNAL_H
#define BOT_MODEL_INTERNAL_H

#include "base/map.h"
#include "base/vec.h"
#include "bot/model.h"
#include "knowledge/retrieval.h"

struct model_phrasing {
    struct str text; /* as written */
    uint32_t label;
};

struct model {
    atomic_int n_refs;
    struct arena *arena; /* labels, small things */
    char *texts;         /* all phrasings, one behind the other */
    struct str *labels;
    uint32_t n_labels;
    struct model_phrasing *phrasings;
    uint32_t n_phrasings;
    struct concepts *concepts;
    struct classifier *classifier;
    struct calibration calibration;
    /* Made from the phrasings, not stored: */
    struct map *exact;      /* fold -> phrasing, without those that two labels claim */
    struct retrieval *thin; /* phrasings of thin labels; NULL: there are none. Groups are labels */
    uint32_t *thin_phrasings; /* document of `thin` -> phrasing */
};

struct model *model_alloc(void);
enum script model_script(struct str normalised); /* of a question: which rule of scope holds */
/* The parts that are made from the phrasings. */
void model_index(struct model *m);

#endif
