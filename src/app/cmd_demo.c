/* `stablehand demo`: the desk of an exchange that does not exist. The content is made once; a second start finds it and is as quick as `serve`. */
#include <stdio.h>
#include <stdlib.h>

#include "app/commands.h"
#include "app/demo_content.h"
#include "app/program.h"
#include "app/system_room.h"
#include "base/log.h"
#include "base/vec.h"

static void print_addresses(const struct program *p)
{
    int port = server_port(p->server);
    printf("\n  Exchange page with the chat   http://127.0.0.1:%d/demo/\n"
           "  Console                       http://127.0.0.1:%d/console/\n"
           "  Help centre                   http://127.0.0.1:%d/help\n"
           "  API                           http://127.0.0.1:%d/api-docs/\n\n",
           port, port, port, port);
    printf("  Logins, all with the password \"%s\":\n", DEMO_PASSWORD);
    demo_content_print_people();
    printf("\n  Ctrl-C stops it. Everything is kept in %s\n\n",
           settings_str(p->settings, "data.dir"));
    (void)fflush(stdout);
}

/* Everybody knows the passwords of the demo. */
static void warn_beyond_loopback(const struct program *p)
{
    struct str listen = str_from(settings_str(p->settings, "http.listen"));
    if (str_starts(listen, STR("127.")) || str_starts(listen, STR("[::1]:")) ||
        str_starts(listen, STR("localhost:"))) {
        return;
    }
    printf("  !  WARNING: this demo listens on " STR_FMT
           ", not on this machine alone. Its passwords "
           "are public:\n  !  whoever reaches it signs in as its owner. Put nothing real into it; "
           "leave http.listen out to stay local.\n\n",
           STR_ARG(listen));
    (void)fflush(stdout);
    LOG_WARN("app", "demo beyond loopback", log_str("addr", listen));
}

static enum err run(struct program *p, char *const *args, struct errinfo *info)
{
    enum err err = program_open(p, args, info);
    if (err == ERR_OK) {
        err = demo_content_make(p, info);
    }
    if (err == ERR_OK) {
        err = program_serve(p, info);
    }
    if (err == ERR_OK) {
        system_room_set_demo(p->own, STR(DEMO_INBOX_KEY), STR(DEMO_INBOX_SECRET));
        print_addresses(p);
        warn_beyond_loopback(p);
        program_wait_for_signal();
        program_drain(p);
    }
    return err;
}

int cmd_demo(char *const *args)
{
    program_block_signals();
    /* Its own folder unless one is named: a demo never touches a real desk's data. */
    VEC(char *) all = {0};
    char folder[] = "--data=demo-data";
    VEC_PUSH(&all, folder);
    char contact[] = "--help.contact_url=/demo/";
    VEC_PUSH(&all, contact);
    for (size_t i = 0; args[i] != NULL; i++) {
        VEC_PUSH(&all, args[i]);
    }
    VEC_PUSH(&all, NULL);
    struct program p;
    struct errinfo info = {0};
    int code = run(&p, all.items, &info) == ERR_OK ? 0 : program_fail(&info);
    program_close(&p);
    VEC_RELEASE(&all);
    return code;
}
