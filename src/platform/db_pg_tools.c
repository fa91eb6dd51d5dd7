#include "platform/db_pg_tools.h"

#include <errno.h>
#include <libpq-fe.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#define ARGS_MAX 24
#define NOT_FOUND 127

static enum err wait_for(const char *tool, pid_t pid, struct errinfo *info)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return err_set(info, ERR_UNAVAILABLE, NULL, "tool", "%s was lost", tool);
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return ERR_OK;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND
               ? err_set(info, ERR_UNAVAILABLE, NULL, "no_tool",
                         "%s is not there: install postgresql-client", tool)
               : err_set(info, ERR_UNAVAILABLE, NULL, "tool", "%s failed (see above)", tool);
}

/* The child's: never returns. */
static void become(const char *tool, const char *const *args)
{
    const char *argv[ARGS_MAX + 2] = {tool};
    for (size_t i = 0; args[i] != NULL && i < ARGS_MAX; i++) {
        argv[i + 1] = args[i];
    }
    (void)execvp(tool, (char *const *)(uintptr_t)argv); /* which changes nothing of them */
    _exit(NOT_FOUND);
}

/* Every option of the url that has a variable; "read-write" unless the url wants something else. */
static bool take_url(const char *url)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);
    PQfreemem(why);
    bool ok = options != NULL && setenv("PGTARGETSESSIONATTRS", "read-write", 1) == 0;
    for (PQconninfoOption *o = options; ok && o->keyword != NULL; o++) {
        if (o->val != NULL && o->envvar != NULL) {
            ok = setenv(o->envvar, o->val, 1) == 0;
        }
    }
    PQconninfoFree(options);
    return ok && setenv("PGAPPNAME", "stablehand-backup", 1) == 0;
}

enum err pg_tool_run(const char *tool, const char *url, const char *const *args,
                     struct errinfo *info)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!take_url(url)) {
            _exit(1);
        }
        become(tool, args);
    }
    return pid < 0 ? err_set(info, ERR_UNAVAILABLE, NULL, "fork", "cannot start %s", tool)
                   : wait_for(tool, pid, info);
}

/* "pg_dump (PostgreSQL) 15.20 (Debian ...)" -> 15; 0: not understood. */
static int major_of(struct str text)
{
    size_t at = str_find(text, STR(") "));
    int64_t v = 0;
    if (at == SIZE_MAX) {
        return 0;
    }
    text = str_sub(text, at + 2, SIZE_MAX);
    size_t n = 0;
    while (n < text.len && text.p[n] >= '0' && text.p[n] <= '9') {
        n++;
    }
    return str_to_i64(str_sub(text, 0, n), &v) && v < 1000 ? (int)v : 0;
}

enum err pg_tool_check(const char *tool, int server_version, struct errinfo *info)
{
    static const char *const args[] = {"--version", NULL};
    char text[256];
    size_t len = 0;
    int ends[2];
    if (pipe(ends) != 0) {
        return err_set(info, ERR_UNAVAILABLE, NULL, "pipe", "cannot start %s", tool);
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        become(tool, args);
    }
    (void)close(ends[1]);
    ssize_t n = 1;
    while (pid > 0 && len < sizeof(text) && n > 0) {
        n = read(ends[0], text + len, sizeof(text) - len);
        len += n > 0 ? (size_t)n : 0;
    }
    (void)close(ends[0]);
    enum err err = pid < 0 ? err_set(info, ERR_UNAVAILABLE, NULL, "fork", "cannot start %s", tool)
                           : wait_for(tool, pid, info);
    int major = major_of((struct str){text, len});
    if (err == ERR_OK && major < server_version / 10000) {
        err = err_set(info, ERR_UNAVAILABLE, NULL, "old_tool",
                      "%s is of version %d, the server of %d: install postgresql-client-%d", tool,
                      major, server_version / 10000, server_version / 10000);
    }
    return err;
}
