/* Labelled questions as lines of text: label TAB text. UTF-8, a byte-order mark and CR before the line's end are taken, empty lines are skipped. Pure. */
#ifndef BOT_DATASET_H
#define BOT_DATASET_H

#include "base/vec.h"
#include "bot/model.h"

#define DATASET_MAX_BYTES (64U << 20)

struct dataset {
    VEC(struct model_example) rows; /* point into the text they were parsed from */
};

/* Appends the rows of one file. ERR_INVALID or ERR_LIMIT with errinfo.message "line 12: ..."; what was appended before the bad line stays. */
ERR_MUST_USE enum err dataset_parse(struct dataset *d, struct str text, struct errinfo *info);
void dataset_release(struct dataset *d);

#endif
