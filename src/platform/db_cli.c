/* See db_cli.h. A backup folder is stablehand.db and files/; blobs are named by their content, so those that are there already are not copied again. */
#include "platform/db_cli.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/db_sqlite.h"
#include "platform/db_sqlite_backup.h"
#include "platform/files.h"

#define PATH_LEN 4096

static int complain(const char *what, const struct errinfo *info)
{
    (void)fprintf(stderr, "%s: %s\n", what, info->message);
    return 1;
}

static bool is_blob_name(const char *name)
{
    return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

struct copying {
    struct files *to;
    int64_t n, n_bytes;
    struct errinfo *info;
};

/* Through the store's own put: hashed while it is copied, so that a blob which went bad on disk does not spread under its old name. */
static enum err copy_blobs_of(const char *dir, struct copying *c)
{
    DIR *d = opendir(dir);
    enum err err = ERR_OK;
    if (d == NULL) {
        return err_set(c->info, ERR_UNAVAILABLE, "files", "open", "cannot read %s (errno %d)", dir,
                       errno);
    }
    for (const struct dirent *e = readdir(d); e != NULL && err == ERR_OK; e = readdir(d)) {
        if (!is_blob_name(e->d_name)) {
            continue;
        }
        char path[PATH_LEN + 80];
        char hash[65];
        int64_t size = 0;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        err = c->to->ops->put_path(c->to, path, hash, &size);
        if (err == ERR_NOT_FOUND) {
            err = ERR_OK; /* removed meanwhile */
        } else if (err != ERR_OK) {
            err = err_set(c->info, err, "files", "copy", "cannot copy %s", path);
        } else if (strcmp(hash, e->d_name) != 0) {
            (void)fprintf(stderr, "warning: %s does not have the content of its name\n", path);
        }
        c->n++;
        c->n_bytes += size;
    }
    (void)closedir(d);
    return err;
}

static enum err copy_files(const char *from, const char *to, struct copying *c,
                           struct errinfo *info)
{
    DIR *d = opendir(from);
    if (d == NULL) {
        return errno == ENOENT ? ERR_OK
                               : err_set(info, ERR_UNAVAILABLE, "files", "open",
                                         "cannot read %s (errno %d)", from, errno);
    }
    c->info = info;
    enum err err = files_open_local(to, &c->to, info);
    for (const struct dirent *e = readdir(d); e != NULL && err == ERR_OK; e = readdir(d)) {
        if (strlen(e->d_name) == 2 && strspn(e->d_name, "0123456789abcdef") == 2) {
            char dir[PATH_LEN];
            (void)snprintf(dir, sizeof(dir), "%s/%s", from, e->d_name);
            err = copy_blobs_of(dir, c);
        }
    }
    if (c->to != NULL) {
        c->to->ops->free(c->to);
    }
    (void)closedir(d);
    return err;
}

int db_cmd_backup(const struct db_cli *cli, const char *target)
{
    char path[PATH_LEN];
    char search[PATH_LEN];
    char to[PATH_LEN];
    struct errinfo info = {0};
    struct copying c = {0};
    if (!sq_paths(cli->url, path, search, sizeof(path))) {
        /* not the url: there may be a password in it */
        (void)fprintf(stderr, "backup: PostgreSQL is backed up with its own tools (pg_dump, base "
                              "backups); copy the files beside it\n");
        return 1;
    }
    if (mkdir(target, 0700) != 0) {
        int e = errno;
        (void)fprintf(stderr, "backup: cannot make the folder %s: %s (errno %d)\n", target,
                      e == EEXIST ? "it exists already" : "see the number", e);
        return 1;
    }
    /* The database first: every file that its rows name was stored before the row, so it is there when the files are copied. */
    (void)snprintf(to, sizeof(to), "%s/stablehand.db", target);
    enum err err = sq_copy_file(path, to, &info);
    if (err == ERR_OK && cli->files_dir != NULL) {
        (void)snprintf(to, sizeof(to), "%s/files", target);
        err = copy_files(cli->files_dir, to, &c, &info);
    }
    if (err != ERR_OK) {
        return complain("backup", &info);
    }
    struct stat st = {0};
    (void)snprintf(to, sizeof(to), "%s/stablehand.db", target);
    (void)stat(to, &st);
    (void)printf("backup: %s: database %lld bytes, %lld files, %lld bytes\n", target,
                 (long long)st.st_size, (long long)c.n, (long long)c.n_bytes);
    return 0;
}

/* A new machine has no data folder yet; what is wrong with it otherwise is told by whoever opens a file in it. */
static void make_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_LEN];
    if (slash != NULL && slash > path) {
        (void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
        (void)mkdir(dir, 0700);
    }
}

int db_cmd_restore(const struct db_cli *cli, const char *source, bool force)
{
    char path[PATH_LEN];
    char search[PATH_LEN];
    char from[PATH_LEN];
    struct errinfo info = {0};
    struct copying c = {0};
    if (!sq_paths(cli->url, path, search, sizeof(path))) {
        (void)fprintf(stderr, "restore: PostgreSQL is restored with its own tools\n");
        return 1;
    }
    enum err err = ERR_OK;
    make_parent(path);
    if (cli->files_dir != NULL) {
        /* Files first: more of them than the rows name do no harm, fewer would. */
        (void)snprintf(from, sizeof(from), "%s/files", source);
        err = copy_files(from, cli->files_dir, &c, &info);
    }
    if (err == ERR_OK) {
        (void)snprintf(from, sizeof(from), "%s/stablehand.db", source);
        err = sq_restore_file(from, path, force, cli->migrations, cli->n_migrations, &info);
    }
    if (err != ERR_OK) {
        return complain("restore", &info);
    }
    (void)printf("restore: %s is in place, checked; %lld files. The search index is made anew at "
                 "the next start.\n",
                 path, (long long)c.n);
    return 0;
}

void doctor_print(const struct doctor_result *r)
{
    static const char *const words[] = {
        [DOCTOR_GOOD] = "ok", [DOCTOR_WARNING] = "warning", [DOCTOR_BAD] = "BAD"};
    (void)printf("%-8s %-13s %s\n", words[r->level], r->name, r->text);
}

int db_cmd_doctor(const struct db_cli *cli)
{
    struct doctor_result results[DOCTOR_RESULTS_MAX];
    size_t n = db_doctor(cli, results);
    int n_bad = 0;
    for (size_t i = 0; i < n; i++) {
        doctor_print(&results[i]);
        n_bad += results[i].level == DOCTOR_BAD;
    }
    return n_bad > 0 ? 1 : 0;
}
