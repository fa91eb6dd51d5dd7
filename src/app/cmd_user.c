/* `stablehand user add|passwd|list`: agents without the console, for the first owner and for a lost phone. The password is read from stdin, one line. */
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/program.h"
#include "base/check.h"
#include "base/mem.h"

#define MAX_ARGS 64
#define PASSWORD_MAX 256

struct user_args {
    struct str email, name, role;
    bool remove_totp;
    char *rest[MAX_ARGS + 1]; /* settings */
};

static bool take(struct str arg, const char *prefix, struct str *out)
{
    struct str p = str_from(prefix);
    if (!str_starts(arg, p)) {
        return false;
    }
    *out = str_sub(arg, p.len, arg.len);
    return true;
}

static bool split(char *const *args, struct user_args *out)
{
    *out = (struct user_args){.role = STR("owner")};
    size_t n = 0;
    for (size_t i = 0; args[i] != NULL; i++) {
        struct str arg = str_from(args[i]);
        if (take(arg, "--email=", &out->email) || take(arg, "--name=", &out->name) ||
            take(arg, "--role=", &out->role)) {
            continue;
        }
        if (str_eq(arg, STR("--remove-totp"))) {
            out->remove_totp = true;
        } else if (n < MAX_ARGS) {
            out->rest[n++] = args[i];
        } else {
            return false;
        }
    }
    return true;
}

/* Without echo on a terminal. */
static struct str read_password(char buf[PASSWORD_MAX + 2])
{
    struct termios before;
    bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (is_terminal) {
        struct termios silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        (void)fprintf(stderr, "Password: ");
    }
    bool got = fgets(buf, PASSWORD_MAX + 2, stdin) != NULL;
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        (void)fprintf(stderr, "\n");
    }
    struct str line = got ? str_from(buf) : (struct str){0};
    while (line.len > 0 && (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r')) {
        line.len--;
    }
    return line;
}

static enum err add(struct program *p, const struct user_args *a, struct errinfo *info)
{
    char buf[PASSWORD_MAX + 2];
    static const struct str languages[] = {STR_INIT("en"), STR_INIT("zh-CN")};
    struct identity_agent_spec spec = {
        .email = a->email,
        .name = str_is_empty(a->name) ? a->email : a->name,
        .password = read_password(buf),
        .role_key = a->role,
        .languages = languages,
        .n_languages = ARRAY_LEN(languages),
    };
    struct agent_id id;
    enum err err = identity_create_agent(p->identity, &spec, &id, info);
    mem_wipe(buf, sizeof(buf));
    if (err == ERR_OK) {
        printf("added %.*s (%.*s)\n", STR_ARG(a->email), STR_ARG(a->role));
    }
    return err;
}

static enum err change_password(struct program *p, const struct user_args *a, struct errinfo *info)
{
    char buf[PASSWORD_MAX + 2];
    enum err err =
        identity_reset_password(p->identity, a->email, read_password(buf), a->remove_totp, info);
    mem_wipe(buf, sizeof(buf));
    if (err == ERR_OK) {
        printf("changed; every session of %.*s has ended\n", STR_ARG(a->email));
    }
    return err;
}

static enum err print_agents(struct db_txn *txn, void *arg)
{
    (void)arg;
    struct agent *agents = NULL;
    size_t n = 0;
    enum err err = agent_list(txn, db_txn_arena(txn), &agents, &n);
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        const struct agent *a = &agents[i];
        printf("%-32.*s %-12.*s %s%s\n", STR_ARG(a->email), STR_ARG(a->role_name),
               a->is_active ? "active" : "inactive", a->has_totp ? ", second factor" : "");
    }
    return err;
}

static enum err list(struct program *p, const struct user_args *a, struct errinfo *info)
{
    (void)a;
    (void)info;
    return db_read(p->db, print_agents, NULL);
}

static const struct verb {
    const char *name;
    bool needs_email;
    enum err (*run)(struct program *p, const struct user_args *a, struct errinfo *info);
} verbs[] = {{"add", true, add}, {"passwd", true, change_password}, {"list", false, list}};

static int run(const struct verb *verb, char *const *args)
{
    struct user_args a;
    if (!split(args, &a) || (verb->needs_email && str_is_empty(a.email))) {
        (void)fprintf(stderr, "stablehand user %s needs --email=ADDRESS\n", verb->name);
        return 2;
    }
    struct program p;
    struct errinfo info = {0};
    enum err err = program_open(&p, a.rest, &info);
    if (err == ERR_OK) {
        err = verb->run(&p, &a, &info);
    }
    int code = err == ERR_OK ? 0 : program_fail(&info);
    program_close(&p);
    return code;
}

int cmd_user(char *const *args)
{
    for (size_t i = 0; args[0] != NULL && i < ARRAY_LEN(verbs); i++) {
        if (str_eq_cstr(str_from(args[0]), verbs[i].name)) {
            return run(&verbs[i], args + 1);
        }
    }
    (void)fprintf(stderr, "usage: stablehand user add|passwd|list [--email=ADDRESS] [--name=NAME] "
                          "[--role=owner|admin|supervisor|agent|auditor] [--data=DIR]\n");
    return 2;
}
