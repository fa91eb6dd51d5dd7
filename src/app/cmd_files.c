/* `stablehand files copy`: moves what is in one file store to another, while a server runs. What is there with the right size is not copied again, so an interrupted copy is begun anew
 * with the same words. Every blob is hashed as it is read, and the destination is asked for what it has got. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/program.h"

#define MAX_ARGS 64
#define TELL_EVERY 1000

struct copying {
    struct files *from, *to;
    FILE *tmp; /* one blob at a time, unlinked */
    char tmp_path[64];
    bool reads_back;
    int64_t n_copied, n_there, n_bytes, n_bad;
    struct errinfo *info;
};

static enum err has_arrived(struct copying *c, struct str sha256, int64_t size)
{
    int64_t size_there = 0;
    struct errinfo info = {0};
    enum err err = c->to->ops->find(c->to, sha256, &size_there, &info);
    if (err == ERR_OK && size_there != size) {
        err = ERR_NOT_FOUND; /* half of it, or another one: to be copied */
    }
    return err == ERR_NOT_FOUND ? err : err_hand_on(&info, err, c->info);
}

static enum err fetch(struct copying *c, struct files *from, struct str sha256)
{
    int fd = fileno(c->tmp);
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        return err_set(c->info, ERR_INTERNAL, NULL, "tmp", "cannot write to %s", c->tmp_path);
    }
    return from->ops->fetch(from, sha256, fd, c->info);
}

static enum err copy_one(struct copying *c, struct str sha256, int64_t size)
{
    char hash[65];
    int64_t copied = 0;
    enum err err = fetch(c, c->from, sha256);
    if (err == ERR_PROTOCOL) { /* it went bad where it is: say so, and go on with the others */
        (void)fprintf(stderr, "bad: " STR_FMT ": %s\n", STR_ARG(sha256), c->info->message);
        c->n_bad++;
        return ERR_OK;
    }
    if (err == ERR_OK) {
        err = c->to->ops->put_path(c->to, c->tmp_path, hash, &copied, c->info);
    }
    if (err == ERR_OK && (!str_eq_cstr(sha256, hash) || copied != size)) {
        err = err_set(c->info, ERR_CONFLICT, NULL, "changed",
                      "the copy in %s was changed by others", c->tmp_path);
    }
    err = err != ERR_OK ? err : has_arrived(c, sha256, size);
    if (err == ERR_OK) {
        c->n_copied++;
        c->n_bytes += size;
    }
    return err;
}

static enum err visit(void *arg, struct str sha256, int64_t size)
{
    struct copying *c = arg;
    enum err err = has_arrived(c, sha256, size);
    if (err == ERR_NOT_FOUND) {
        err = copy_one(c, sha256, size);
    } else if (err == ERR_OK) {
        c->n_there++;
    }
    if (err == ERR_OK && c->reads_back) {
        err = fetch(c, c->to, sha256);
        if (err == ERR_PROTOCOL) {
            (void)fprintf(stderr, "bad at the destination: " STR_FMT "\n", STR_ARG(sha256));
            c->n_bad++;
            err = ERR_OK;
        }
    }
    if ((c->n_copied + c->n_there) % TELL_EVERY == 0) {
        (void)fprintf(stderr, "%lld copied, %lld there already, %lld MB\n", (long long)c->n_copied,
                      (long long)c->n_there, (long long)(c->n_bytes >> 20));
    }
    return err;
}

static enum err open_tmp(struct copying *c)
{
    const char *dir = getenv("TMPDIR");
    (void)snprintf(c->tmp_path, sizeof(c->tmp_path), "%.40s/stablehand-XXXXXX",
                   dir != NULL ? dir : "/tmp");
    int fd = mkstemp(c->tmp_path);
    c->tmp = fd < 0 ? NULL : fdopen(fd, "r+");
    return c->tmp != NULL ? ERR_OK
                          : err_set(c->info, ERR_UNAVAILABLE, NULL, "tmp",
                                    "cannot make a temporary file %s", c->tmp_path);
}

struct words {
    const char *from, *to;
    bool reads_back;
    char *rest[MAX_ARGS + 1];
};

static bool split(char *const *args, struct words *w)
{
    *w = (struct words){0};
    size_t n = 0;
    if (args[0] == NULL || strcmp(args[0], "copy") != 0) {
        return false;
    }
    for (size_t i = 1; args[i] != NULL; i++) {
        struct str arg = str_from(args[i]);
        if (str_starts(arg, STR("--from="))) {
            w->from = args[i] + strlen("--from=");
        } else if (str_starts(arg, STR("--to="))) {
            w->to = args[i] + strlen("--to=");
        } else if (str_eq(arg, STR("--verify"))) {
            w->reads_back = true;
        } else if (!str_starts(arg, STR("--")) || n == MAX_ARGS) {
            return false;
        } else {
            w->rest[n++] = args[i];
        }
    }
    return w->from != NULL && w->to != NULL && strcmp(w->from, w->to) != 0;
}

static enum err run(struct program *p, const struct words *w, struct copying *c)
{
    enum err err = program_open_files(p, w->from, true, &c->from, c->info);
    err = err != ERR_OK ? err : program_open_files(p, w->to, true, &c->to, c->info);
    err = err != ERR_OK ? err : open_tmp(c);
    err = err != ERR_OK ? err : c->from->ops->list(c->from, visit, c, c->info);
    if (c->tmp != NULL) {
        (void)fclose(c->tmp);
        (void)unlink(c->tmp_path);
    }
    if (err == ERR_OK) {
        (void)printf("files: %s to %s: %lld copied (%lld bytes), %lld there already%s, %lld bad\n",
                     c->from->name, c->to->name, (long long)c->n_copied, (long long)c->n_bytes,
                     (long long)c->n_there, w->reads_back ? ", all read back and hashed" : "",
                     (long long)c->n_bad);
    }
    if (c->from != NULL) {
        c->from->ops->free(c->from);
    }
    if (c->to != NULL) {
        c->to->ops->free(c->to);
    }
    return err;
}

int cmd_files(char *const *args)
{
    struct words w;
    struct program p;
    struct errinfo info = {0};
    struct copying c = {.info = &info};
    if (!split(args, &w)) {
        (void)fprintf(stderr,
                      "usage: stablehand files copy --from=URL --to=URL [--verify] [--data=DIR] "
                      "[--config=FILE]\n  URL: file:/FOLDER or s3://BUCKET/PREFIX\n");
        return 2;
    }
    c.reads_back = w.reads_back;
    enum err err = program_open_settings(&p, w.rest, &info);
    err = err != ERR_OK ? err : run(&p, &w, &c);
    int code = err != ERR_OK ? program_fail(&info) : c.n_bad > 0 ? 1 : 0;
    program_close(&p);
    return code;
}
