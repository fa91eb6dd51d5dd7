/* `stablehand backup|restore|schema|doctor`: the settings say where the data is, platform/db_cli.h does the work. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/bus_setup.h"
#include "app/commands.h"
#include "platform/db_cli.h"
#include "platform/migrations.h"

#define MAX_ARGS 64
#define FILES_SKEW_S 60

struct data_args {
    const char *path; /* the one argument that is no option */
    bool force, with_key, contract;
    char *rest[MAX_ARGS + 1];
    struct program *program; /* settings only */
};

static bool split(char *const *args, struct data_args *out)
{
    *out = (struct data_args){0};
    size_t n = 0;
    for (size_t i = 0; args[i] != NULL; i++) {
        struct str arg = str_from(args[i]);
        if (str_eq(arg, STR("--force"))) {
            out->force = true;
        } else if (str_eq(arg, STR("--contract"))) {
            out->contract = true;
        } else if (str_eq(arg, STR("--with-key"))) {
            out->with_key = true;
        } else if (!str_starts(arg, STR("--"))) {
            if (out->path != NULL) {
                return false;
            }
            out->path = args[i];
        } else if (n < MAX_ARGS) {
            out->rest[n++] = args[i];
        }
    }
    return true;
}

/* Settings only: nothing is opened, so that a broken database can be looked at. */
static int with_settings(char *const *args, bool needs_path, const char *usage,
                         int (*run)(const struct db_cli *cli, const struct data_args *a))
{
    struct data_args a;
    if (!split(args, &a) || needs_path != (a.path != NULL)) {
        (void)fprintf(stderr, "usage: %s\n", usage);
        return 2;
    }
    struct program p;
    struct errinfo info = {0};
    if (program_open_settings(&p, a.rest, &info) != ERR_OK) {
        int code = program_fail(&info);
        program_close(&p);
        return code;
    }
    struct db_cli cli = {.url = program_db_url(&p),
                         .data_dir = settings_str(p.settings, "data.dir"),
                         .files_dir = program_has_bucket(&p) ? NULL : program_files_dir(&p),
                         .key_file = program_key_file(&p),
                         .with_key = a.with_key,
                         .sources = &desk_index_source,
                         .n_sources = 1};
    cli.migrations = migrations_all(&cli.n_migrations);
    a.program = &p;
    int code = run(&cli, &a);
    program_close(&p);
    return code;
}

/* Files in a bucket are left where they are: they are never changed, and a database of any age finds the ones it names. */
static void tell_of_bucket(const struct data_args *a, const char *what)
{
    if (program_has_bucket(a->program)) {
        (void)printf(
            "%s: uploaded files are in %s and stay there; versioning or replication of the "
            "bucket is their backup\n",
            what, settings_str(a->program->settings, "files.url"));
    }
}

static int backup(const struct db_cli *cli, const struct data_args *a)
{
    tell_of_bucket(a, "backup");
    return db_cmd_backup(cli, a->path);
}

static int restore(const struct db_cli *cli, const struct data_args *a)
{
    tell_of_bucket(a, "restore");
    return db_cmd_restore(cli, a->path, a->force);
}

/* Prints the bus's line. A desk goes on without its bus: a warning, unless the settings cannot be right. */
static bool is_bus_fine(const struct program *p)
{
    struct bus_options o;
    struct errinfo info = {0};
    struct doctor_result line = {.name = "bus", .level = DOCTOR_GOOD};
    BUF_AUTO text;
    buf_init(&text, sizeof(line.text) * 4);
    bus_setup_options(p, &o);
    enum err err = bus_probe(&o, &text, &info);
    if (err != ERR_OK) {
        line.level = err == ERR_UNAVAILABLE || err == ERR_AGAIN ? DOCTOR_WARNING : DOCTOR_BAD;
    }
    (void)snprintf(line.text, sizeof(line.text), STR_FMT, STR_ARG(buf_str(&text)));
    doctor_print(&line);
    return line.level != DOCTOR_BAD;
}

/* Writes, reads and removes something small. */
static bool are_files_fine(struct program *p)
{
    struct files *f = NULL;
    struct files_probe probe = {0};
    struct errinfo info = {0};
    struct doctor_result line = {.name = "files", .level = DOCTOR_GOOD};
    if (!program_has_bucket(p) && access(program_files_dir(p), F_OK) != 0) {
        return true; /* nothing was started here yet: its folder is not the doctor's to make */
    }
    enum err err = program_open_files(p, settings_str(p->settings, "files.url"), true, &f, &info);
    err = err != ERR_OK ? err : f->ops->probe(f, &probe, &info);
    long long skew_s = (long long)(probe.ahead_ms / 1000);
    if (err != ERR_OK) {
        line.level = DOCTOR_BAD;
        (void)snprintf(line.text, sizeof(line.text), "%s", info.message);
    } else if (probe.tells_time && llabs(skew_s) > FILES_SKEW_S) {
        line.level = DOCTOR_WARNING;
        (void)snprintf(line.text, sizeof(line.text),
                       "its clock is %lld s %s ours; at 15 minutes it refuses us", llabs(skew_s),
                       skew_s > 0 ? "ahead of" : "behind");
    } else {
        (void)snprintf(line.text, sizeof(line.text), "%.180s: written, read and removed", f->name);
    }
    if (f != NULL) {
        f->ops->free(f);
    }
    doctor_print(&line);
    return line.level != DOCTOR_BAD;
}

static int schema(const struct db_cli *cli, const struct data_args *a)
{
    return db_cmd_schema(cli, a->contract, a->force);
}

static int doctor(const struct db_cli *cli, const struct data_args *a)
{
    int code = db_cmd_doctor(cli);
    code = are_files_fine(a->program) ? code : 1;
    return is_bus_fine(a->program) ? code : 1;
}

int cmd_backup(char *const *args)
{
    return with_settings(args, true, "stablehand backup [--data=DIR] [--with-key] NEW_FOLDER",
                         backup);
}

int cmd_restore(char *const *args)
{
    return with_settings(args, true, "stablehand restore [--data=DIR] [--force] FOLDER", restore);
}

int cmd_schema(char *const *args)
{
    return with_settings(args, false, "stablehand schema [--data=DIR] [--contract] [--force]",
                         schema);
}

int cmd_doctor(char *const *args)
{
    return with_settings(args, false, "stablehand doctor [--data=DIR]", doctor);
}
