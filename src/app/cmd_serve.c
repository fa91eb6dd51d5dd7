#include "app/commands.h"
#include "app/program.h"

/* Only into an empty help centre: what people deleted does not come back. */
static enum err import_starter(struct program *p, struct errinfo *info)
{
    const char *how = settings_str(p->settings, "help.starter_content");
    bool is_empty = false;
    enum err err = knowledge_is_empty(p->knowledge, &is_empty);
    if (err != ERR_OK || !is_empty || strcmp(how, "no") == 0) {
        return err;
    }
    struct knowledge_import done;
    return knowledge_import_starter(p->knowledge, actor_system(), strcmp(how, "published") == 0,
                                    &done, info);
}

int cmd_serve(char *const *args)
{
    program_block_signals();
    struct program p;
    struct errinfo info = {0};
    enum err err = program_open(&p, args, &info);
    if (err == ERR_OK) {
        err = import_starter(&p, &info);
    }
    if (err == ERR_OK) {
        err = program_serve(&p, &info);
    }
    if (err == ERR_OK) {
        program_wait_for_signal();
        program_drain(&p);
    }
    int code = err == ERR_OK ? 0 : program_fail(&info);
    program_close(&p);
    return code;
}
