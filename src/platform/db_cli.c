/* See db_cli.h. A backup folder is the database and files/ (db_backup.h); blobs are named by their content, so those that are there already are not copied again. */
#include "platform/db_cli.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/db_backup.h"
#include "platform/db_pg_backup.h"
#include "platform/db_sqlite.h"
#include "platform/db_sqlite_backup.h"
#include "platform/files.h"

#define PATH_LEN 4096
#define KEY_NAME "secret.key"

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
        err = c->to->ops->put_path(c->to, path, hash, &size, NULL);
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

/* ---- backup ---- */

static const char *database_name(bool is_postgres)
{
    return is_postgres ? BACKUP_POSTGRES_FILE : BACKUP_SQLITE_FILE;
}

static bool is_postgres(const struct db_cli *cli)
{
    return strncmp(cli->url, "postgres", 8) == 0;
}

/* Not the url in the message: there may be a password in it. */
static enum err sqlite_path(const struct db_cli *cli, char path[PATH_LEN], struct errinfo *info)
{
    char search[PATH_LEN];
    return sq_paths(cli->url, path, search, PATH_LEN)
               ? ERR_OK
               : err_set(info, ERR_INVALID, "db.url", "url",
                         "expected sqlite:/path/stablehand.db or postgres://...");
}

static enum err copy_database(const struct db_cli *cli, const char *to, struct backup_about *about,
                              struct errinfo *info)
{
    char path[PATH_LEN];
    if (is_postgres(cli)) {
        return pg_backup(cli, to, about, info);
    }
    enum err err = sqlite_path(cli, path, info);
    return err == ERR_OK ? sq_copy_file(path, to, info) : err;
}

static enum err fill_folder(const struct db_cli *cli, const char *target, struct copying *c,
                            struct errinfo *info)
{
    char to[PATH_LEN];
    struct backup_about about = {0};
    /* The database first: every file that its rows name was stored before the row, so it is there when the files are copied. */
    (void)snprintf(to, sizeof(to), "%s/%s", target, database_name(is_postgres(cli)));
    enum err err = copy_database(cli, to, &about, info);
    if (err == ERR_OK && cli->files_dir != NULL) {
        (void)snprintf(to, sizeof(to), "%s/files", target);
        err = copy_files(cli->files_dir, to, c, info);
    }
    if (err == ERR_OK && cli->with_key) {
        (void)snprintf(to, sizeof(to), "%s/" KEY_NAME, target);
        err = backup_copy_file(cli->key_file, to, info);
    }
    if (err == ERR_OK) {
        err = backup_seal(target, &about, info);
    }
    backup_about_release(&about);
    return err;
}

int db_cmd_backup(const struct db_cli *cli, const char *target)
{
    char database[PATH_LEN];
    struct errinfo info = {0};
    struct copying c = {0};
    if (mkdir(target, 0700) != 0) {
        int e = errno;
        (void)fprintf(stderr, "backup: cannot make the folder %s: %s (errno %d)\n", target,
                      e == EEXIST ? "it exists already" : "see the number", e);
        return 1;
    }
    if (fill_folder(cli, target, &c, &info) != ERR_OK) {
        return complain("backup", &info);
    }
    struct stat st = {0};
    (void)snprintf(database, sizeof(database), "%s/%s", target, database_name(is_postgres(cli)));
    (void)stat(database, &st);
    (void)printf("backup: %s: database %lld bytes, %lld files, %lld bytes\n", target,
                 (long long)st.st_size, (long long)c.n, (long long)c.n_bytes);
    return 0;
}

/* ---- restore ---- */

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

static bool has_same_bytes(const char *a, const char *b)
{
    char bytes[2][256];
    size_t n[2] = {0, 0};
    const char *const paths[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        FILE *f = fopen(paths[i], "re");
        n[i] = f != NULL ? fread(bytes[i], 1, sizeof(bytes[i]), f) : 0;
        if (f != NULL) {
            (void)fclose(f);
        }
    }
    return n[0] > 0 && n[0] == n[1] && memcmp(bytes[0], bytes[1], n[0]) == 0;
}

/* Another key than the one that is there would make what it sealed unreadable: only with force. */
static enum err check_key(const struct db_cli *cli, const char *from, bool force,
                          struct errinfo *info)
{
    bool differs = access(from, F_OK) == 0 && access(cli->key_file, F_OK) == 0 &&
                   !has_same_bytes(from, cli->key_file);
    return differs && !force
               ? err_set(info, ERR_CONFLICT, "data.key_file", "exists",
                         "%.100s is another key than the backup's: use --force to replace it",
                         cli->key_file)
               : ERR_OK;
}

static enum err put_key(const struct db_cli *cli, const char *from, struct errinfo *info)
{
    char aside[PATH_LEN];
    if (access(from, F_OK) != 0 || has_same_bytes(from, cli->key_file)) {
        return ERR_OK;
    }
    (void)snprintf(aside, sizeof(aside), "%s.replaced", cli->key_file);
    if (rename(cli->key_file, aside) != 0 && errno != ENOENT) {
        return err_set(info, ERR_UNAVAILABLE, "data.key_file", "rename", "cannot rename %.140s",
                       cli->key_file);
    }
    return backup_copy_file(from, cli->key_file, info);
}

static enum err put_database(const struct db_cli *cli, const char *source,
                             const struct backup_about *about, bool force, char *aside, size_t size,
                             struct errinfo *info)
{
    char from[PATH_LEN];
    char path[PATH_LEN];
    (void)snprintf(from, sizeof(from), "%s/%s", source, database_name(about->is_postgres));
    if (about->is_postgres) {
        return pg_restore(cli, from, about, force, aside, size, info);
    }
    enum err err = sqlite_path(cli, path, info);
    return err == ERR_OK
               ? sq_restore_file(from, path, force, cli->migrations, cli->n_migrations, info)
               : err;
}

static enum err empty_folder(const struct db_cli *cli, const char *source,
                             const struct backup_about *about, bool force, struct copying *c,
                             struct errinfo *info)
{
    char from[PATH_LEN];
    char key[PATH_LEN];
    char aside[64] = "";
    bool has_key = cli->key_file != NULL;
    enum err err = ERR_OK;
    if (about->is_postgres != is_postgres(cli)) {
        return err_set(info, ERR_CONFLICT, "db.url", "engine",
                       about->is_postgres ? "this is a backup of PostgreSQL: db.url must be one"
                                          : "this is a backup of SQLite: restore it to a file, "
                                            "then `stablehand migrate` moves it");
    }
    (void)snprintf(key, sizeof(key), "%s/" KEY_NAME, source);
    err = has_key ? check_key(cli, key, force, info) : ERR_OK;
    if (err == ERR_OK && cli->files_dir != NULL) {
        /* Files first: more of them than the rows name do no harm, fewer would. */
        make_parent(cli->files_dir);
        (void)snprintf(from, sizeof(from), "%s/files", source);
        err = copy_files(from, cli->files_dir, c, info);
    }
    if (err == ERR_OK) {
        err = put_database(cli, source, about, force, aside, sizeof(aside), info);
    }
    if (err == ERR_OK && has_key) {
        err = put_key(cli, key, info);
    }
    if (err == ERR_OK && aside[0] != '\0') {
        (void)printf("restore: what was in the database is the schema %s now\n", aside);
    }
    return err;
}

int db_cmd_restore(const struct db_cli *cli, const char *source, bool force)
{
    char path[PATH_LEN] = "the database";
    struct errinfo info = {0};
    struct copying c = {0};
    struct backup_about about = {0};
    enum err err = backup_check(source, &about, &info);
    if (err == ERR_OK && !is_postgres(cli)) {
        err = sqlite_path(cli, path, &info);
        make_parent(path);
    }
    if (err == ERR_OK) {
        err = empty_folder(cli, source, &about, force, &c, &info);
    }
    backup_about_release(&about);
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
