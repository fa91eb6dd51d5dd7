/* `stablehand migrate`: from the SQLite file to a PostgreSQL database. platform/db_move.h does the work. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "app/commands.h"
#include "app/program.h"
#include "platform/db_move.h"
#include "platform/migrations.h"

#define MAX_ARGS 64
#define USAGE                                                                                      \
    "stablehand migrate [--from sqlite:FILE] [--to postgres://...] [--live] [--config=FILE] "      \
    "[--data=DIR]\n"

struct migrate_args {
    const char *from, *to;
    bool is_live;
    char *rest[MAX_ARGS + 1];
};

static atomic_bool is_stopping;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&is_stopping, true);
}

static bool goes_on(void *arg)
{
    (void)arg;
    return !atomic_load(&is_stopping);
}

static void say(void *arg, const char *line)
{
    (void)arg;
    (void)printf("migrate: %s\n", line);
    (void)fflush(stdout);
}

/* "--name=value" or "--name value". NULL: another argument. */
static const char *value_of(char *const *args, size_t *i, const char *name)
{
    struct str arg = str_from(args[*i]);
    struct str want = str_from(name);
    if (str_eq(arg, want) && args[*i + 1] != NULL) {
        return args[++*i];
    }
    bool has_value = str_starts(arg, want) && arg.len > want.len && arg.p[want.len] == '=';
    return has_value ? arg.p + want.len + 1 : NULL;
}

static bool parse(char *const *args, struct migrate_args *out)
{
    *out = (struct migrate_args){0};
    size_t n = 0;
    for (size_t i = 0; args[i] != NULL; i++) {
        const char *from = value_of(args, &i, "--from");
        const char *to = from == NULL ? value_of(args, &i, "--to") : NULL;
        if (from != NULL) {
            out->from = from;
        } else if (to != NULL) {
            out->to = to;
        } else if (str_eq(str_from(args[i]), STR("--live"))) {
            out->is_live = true;
        } else if (str_starts(str_from(args[i]), STR("--")) && n < MAX_ARGS) {
            out->rest[n++] = args[i];
        } else {
            return false;
        }
    }
    return true;
}

static void tell_what_is_left(struct program *p, const struct db_move *move,
                              const struct db_move_report *r)
{
    bool in_bucket = program_has_bucket(p);
    if (move->is_live) {
        (void)printf(
            "migrate: %lld rows are there (%lld of %lld parts copied now, %.1f s). The desk "
            "still lives in the file: stop it and run the same command without --live; "
            "what changed meanwhile is brought then.\n",
            (long long)r->n_rows, (long long)r->n_copied, (long long)r->n_parts,
            (double)r->ms / 1000);
        return;
    }
    (void)printf(
        "migrate: done: %zu tables, %lld rows, every one compared; %.1f s (%lld of %lld parts "
        "copied now).\n"
        "What is left to do:\n"
        "  1. settings:  db.url = the address that you gave with --to\n"
        "  2. the same key of the installation (data.key_file, or secret.key in the data folder "
        "%s) "
        "on every node\n"
        "  3. uploaded files: %s%s\n"
        "  4. start the desk. The search index is made anew within minutes.\n"
        "The old file was not changed. Do not start a desk on it again, keep it until you are "
        "sure.\n",
        r->n_tables, (long long)r->n_rows, (double)r->ms / 1000, (long long)r->n_copied,
        (long long)r->n_parts, settings_str(p->settings, "data.dir"),
        in_bucket ? "they are in the bucket already" : "one node keeps them in ",
        in_bucket ? ""
                  : str_to_cstr(p->arena,
                                str_printf(p->arena,
                                           "%s; several need a bucket (`stablehand files copy`)",
                                           program_files_dir(p))));
}

/* What is not given comes from the settings: the file below data.dir, and db.url when that is PostgreSQL. */
static enum err move_of(struct program *p, const struct migrate_args *a, struct db_move *out,
                        struct errinfo *info)
{
    const char *url = settings_str(p->settings, "db.url");
    bool is_pg = str_starts(str_from(url), STR("postgres"));
    *out = (struct db_move){
        .from = a->from, .to = a->to, .is_live = a->is_live, .goes_on = goes_on, .say = say};
    out->migrations = migrations_all(&out->n_migrations);
    if (out->to == NULL && is_pg) {
        out->to = url;
    }
    if (out->from == NULL) {
        out->from = url[0] != '\0' && !is_pg
                        ? url
                        : str_to_cstr(p->arena, str_printf(p->arena, "sqlite:%s/stablehand.db",
                                                           settings_str(p->settings, "data.dir")));
    }
    if (out->to == NULL || !str_starts(str_from(out->to), STR("postgres"))) {
        return err_set(info, ERR_INVALID, "to", "url", "expected postgres://user@host/database");
    }
    return ERR_OK;
}

int cmd_migrate(char *const *args)
{
    struct migrate_args a;
    if (!parse(args, &a)) {
        (void)fprintf(stderr, "usage: " USAGE);
        return 2;
    }
    struct program p;
    struct errinfo info = {0};
    struct db_move move;
    struct db_move_report report = {0};
    enum err err = program_open_settings(&p, a.rest, &info);
    if (err == ERR_OK) {
        err = move_of(&p, &a, &move, &info);
    }
    if (err == ERR_OK) {
        /* Between two parts; what is noted is kept. */
        (void)signal(SIGINT, on_signal);
        (void)signal(SIGTERM, on_signal);
        err = db_move_run(&move, &report, &info);
    }
    int code = 0;
    if (err == ERR_OK) {
        tell_what_is_left(&p, &move, &report);
    } else {
        code = program_fail(&info);
    }
    program_close(&p);
    return code;
}
