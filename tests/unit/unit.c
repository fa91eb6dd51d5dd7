#include "unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

static void swallow(struct str line, void *arg)
{
    (void)line;
    (void)arg;
}

bool unit_aborts(void (*fn)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        log_set_sink(swallow, NULL);
        fn();
        _exit(0);
    }
    int status = 0;
    (void)waitpid(pid, &status, 0);
    return pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
