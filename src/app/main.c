/* stablehand: one program, a table of subcommands. */
#include <stdio.h>

#include "app/commands.h"
#include "base/check.h"
#include "base/str.h"
#include "platform/settings.h"

static const struct command {
    const char *name, *arguments, *help;
    int (*run)(char *const *args);
} commands[] = {
    {"serve", "[--config=FILE] [--data=DIR] [--KEY=VALUE ...]", "run the desk", cmd_serve},
    {"demo", "[--data=DIR] [--KEY=VALUE ...]",
     "run it with an invented exchange, people and articles", cmd_demo},
    {"user", "add|passwd|list [--email=E] [--name=N] [--role=R] [--config=FILE] [--data=DIR]",
     "agents, from the command line", cmd_user},
    {"bot", "train|eval|predict|faq-eval ...", "the bot's understanding, from the command line",
     cmd_bot},
    {"backup", "[--config=FILE] [--data=DIR] [--with-key] NEW_FOLDER",
     "copy database and files while they are in use", cmd_backup},
    {"restore", "[--config=FILE] [--data=DIR] [--force] FOLDER",
     "put a checked copy back (the desk must be stopped)", cmd_restore},
    {"files", "copy --from=URL --to=URL [--verify] [--config=FILE] [--data=DIR]",
     "move uploaded files to another store; may be interrupted and run again", cmd_files},
    {"migrate", "[--from sqlite:FILE] [--to postgres://...] [--live] [--config=FILE] [--data=DIR]",
     "move the desk's data from the SQLite file to PostgreSQL; again: goes on", cmd_migrate},
    {"schema", "[--contract] [--force] [--config=FILE] [--data=DIR]",
     "where the database stands between versions; --contract ends an upgrade of several nodes",
     cmd_schema},
    {"doctor", "[--config=FILE] [--data=DIR]", "look for what is wrong with this installation",
     cmd_doctor},
};

static void print_command(FILE *to, const struct command *c)
{
    (void)fprintf(to, "  stablehand %s %s\n      %s\n", c->name, c->arguments, c->help);
}

static int usage_of(const struct command *c)
{
    print_command(stdout, c);
    (void)fprintf(stdout, "  Settings (--KEY=VALUE): stablehand --help-config\n");
    return 0;
}

static int usage(FILE *to, int code)
{
    (void)fprintf(to, "stablehand %s\n\n", STABLEHAND_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        print_command(to, &commands[i]);
    }
    (void)fprintf(to, "  stablehand --help-config [zh]\n      every setting: file, environment and "
                      "command line\n  stablehand --version\n");
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return usage(stderr, 2);
    }
    struct str name = str_from(argv[1]);
    if (str_eq(name, STR("--version"))) {
        printf("stablehand %s\n", STABLEHAND_VERSION);
        return 0;
    }
    if (str_eq(name, STR("--help")) || str_eq(name, STR("help"))) {
        return usage(stdout, 0);
    }
    if (str_eq(name, STR("--help-config"))) {
        settings_print_help(argc > 2 && str_starts(str_from(argv[2]), STR("zh")));
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (str_eq_cstr(name, commands[i].name)) {
            bool asks = argc > 2 && str_eq(str_from(argv[2]), STR("--help"));
            return asks ? usage_of(&commands[i]) : commands[i].run(argv + 2);
        }
    }
    (void)fprintf(stderr, "stablehand: no command \"%s\"\n\n", argv[1]);
    return usage(stderr, 2);
}
