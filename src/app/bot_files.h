/* What the `stablehand bot` commands share: arguments, files, training with messages for people. */
#ifndef APP_BOT_FILES_H
#define APP_BOT_FILES_H

#include "base/vec.h"
#include "bot/dataset.h"
#include "bot/model.h"

#define BOT_MAX_FILES 64

struct bot_args {
    const char *files[BOT_MAX_FILES]; /* train: the plain ones; eval: those behind --train */
    size_t n_files;
    const char *model, *test, *oos, *index, *queries;
    double reject; /* --reject: share of good questions that may be lost, 0.05 */
    bool is_json;
};
/* False, with the reason on stderr, for what it does not know or a value that is missing. `plain_ok`: arguments without an option are files. */
bool bot_args_parse(char *const *args, bool plain_ok, struct bot_args *out);

/* Texts of the files read stay until release. */
struct bot_data {
    struct dataset set;
    VEC(char *) texts;
};
/* On failure says "FILE: line 12: ..." on stderr and gives false. */
bool bot_data_read(struct bot_data *d, const char *path);
void bot_data_release(struct bot_data *d);

/* Says on stderr what is wrong; NULL then. */
struct model *bot_model_train(const struct bot_data *d, struct model_report *report);
struct model *bot_model_read(const char *path);
bool bot_model_write(const struct model *m, const char *path); /* beside, then renamed */

/* `stablehand bot eval`, `stablehand bot faq-eval`: exit codes. */
int cmd_bot_eval(const struct bot_args *a);
int cmd_bot_faq_eval(const struct bot_args *a);

#endif
