#include "app/commands.h"
#include "app/program.h"

int cmd_serve(char *const *args)
{
    program_block_signals();
    struct program p;
    struct errinfo info = {0};
    enum err err = program_open(&p, args, &info);
    if (err == ERR_OK) {
        err = program_serve(&p, &info);
    }
    if (err == ERR_OK) {
        program_wait_for_signal();
    }
    int code = err == ERR_OK ? 0 : program_fail(&info);
    program_close(&p);
    return code;
}
