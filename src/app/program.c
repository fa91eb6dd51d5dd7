#include "app/program.h"

/* Order matters in two places: the bot and the desk know each other through tables of functions, so the bot exists first (it needs no desk to be made) and is
 * told of the desk afterwards; the desk and identity likewise. Nothing works before its start function. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/bus_setup.h"
#include "app/data_dir.h"
#include "app/maintenance.h"
#include "app/system_room.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/crypto.h"
#include "platform/migrations.h"

extern const struct asset assets_embedded[];
extern const size_t n_assets_embedded;

#define MAX_ARGS 64
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err = (call);                                                                 \
        if (try_err != ERR_OK) {                                                                   \
            return try_err;                                                                        \
        }                                                                                          \
    } while (0)

/* ---- settings ---- */

static enum err load_settings(struct program *p, char *const *args, struct errinfo *info)
{
    char *passed[MAX_ARGS + 1] = {0};
    size_t n = 0;
    const char *file = NULL;
    for (size_t i = 0; args[i] != NULL; i++) {
        struct str arg = str_from(args[i]);
        if (n == MAX_ARGS) {
            return err_set(info, ERR_LIMIT, NULL, "arguments", "more than %d arguments", MAX_ARGS);
        }
        if (str_starts(arg, STR("--config="))) {
            file = args[i] + strlen("--config=");
        } else if (str_starts(arg, STR("--data="))) {
            struct str text = str_printf(p->arena, "--data.dir=%s", args[i] + strlen("--data="));
            passed[n++] = str_to_cstr(p->arena, text);
        } else {
            passed[n++] = args[i];
        }
    }
    return settings_load(file, passed, &p->settings, info);
}

static void set_up_log(const struct settings *s)
{
    static const struct {
        const char *word;
        enum log_level level;
    } levels[] = {{"debug", LOG_LEVEL_DEBUG},
                  {"info", LOG_LEVEL_INFO},
                  {"warn", LOG_LEVEL_WARN},
                  {"error", LOG_LEVEL_ERROR},
                  {"off", LOG_LEVEL_OFF}};
    enum log_level level = LOG_LEVEL_INFO;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (strcmp(levels[i].word, settings_str(s, "log.level")) == 0) {
            level = levels[i].level;
        }
    }
    log_setup(level, strcmp(settings_str(s, "log.format"), "json") == 0 ? LOG_FORMAT_JSON
                                                                        : LOG_FORMAT_TEXT);
}

/* A setting that stands for a path below data.dir when it is empty. */
static const char *path_setting(struct program *p, const char *key, const char *below)
{
    const char *value = settings_str(p->settings, key);
    if (value[0] != '\0') {
        return value;
    }
    return str_to_cstr(p->arena,
                       str_printf(p->arena, "%s/%s", settings_str(p->settings, "data.dir"), below));
}

/* NULL instead of the empty string, as optional strings of the option structs are. */
static const char *optional(const struct program *p, const char *key)
{
    const char *value = settings_str(p->settings, key);
    return value[0] == '\0' ? NULL : value;
}

const char *program_db_url(struct program *p)
{
    const char *url = optional(p, "db.url");
    return url != NULL ? url
                       : str_to_cstr(p->arena, str_printf(p->arena, "sqlite:%s/stablehand.db",
                                                          settings_str(p->settings, "data.dir")));
}

const char *program_key_file(struct program *p)
{
    return path_setting(p, "data.key_file", "secret.key");
}

const char *program_files_dir(struct program *p)
{
    return path_setting(p, "files.dir", "files");
}

/* ---- parts ---- */

static enum err check_key_fn(struct db_txn *txn, void *arg)
{
    return node_check_key(txn, arg);
}

/* Programs with different keys on one database would each find the other's secrets and sessions broken, now and then. */
static enum err check_key(struct program *p, struct errinfo *info)
{
    if (db_is_single_node(p->db)) {
        return ERR_OK;
    }
    enum err err = db_write(p->db, check_key_fn, p->secret_key);
    return err == ERR_CONFLICT
               ? err_set(info, err, "data.key_file", "other_key",
                         "%.200s is not the key of this installation: all nodes on one database "
                         "need the same secret.key. Copy it from the first one. (If it is lost, "
                         "empty the table `installation`, and enter what it sealed again.)",
                         path_setting(p, "data.key_file", "secret.key"))
               : err;
}

static enum err open_store(struct program *p, struct errinfo *info)
{
    TRY(data_dir_make(settings_str(p->settings, "data.dir"), info));
    TRY(data_dir_key(program_key_file(p), p->secret_key, info));
    size_t n_migrations = 0;
    const struct db_migration *migrations = migrations_all(&n_migrations);
    struct db_partition events = desk_event_partition;
    events.keep_ms = settings_int(p->settings, "events.keep");
    struct db_options o = {
        .url = program_db_url(p),
        .partitions = &events,
        .n_partitions = 1,
        .migrations = migrations,
        .n_migrations = n_migrations,
        .sources = &desk_index_source,
        .n_sources = 1,
        .n_readers = (int)settings_int(p->settings, "db.readers"),
        .n_writers = (int)settings_int(p->settings, "db.writers"),
        .max_waiting = (size_t)settings_int(p->settings, "db.max_waiting"),
        .cache_kb = (size_t)settings_int(p->settings, "db.cache") / 1024,
    };
    TRY(db_open(&o, &p->db, info));
    TRY(check_key(p, info));
    TRY(bus_setup(p, info));
    p->notices = notices_new(p->bus);
    event_use_bus(p->db, p->bus);
    TRY(program_open_files(p, settings_str(p->settings, "files.url"), !db_is_single_node(p->db),
                           &p->files, info));
    TRY(timers_new(p->db, p->clock, &p->timers));
    return outbox_new(p->db, p->clock, &p->outbox);
}

/* What the help centre says of the desk it belongs to. */
static enum err load_site(void *arg, struct db_txn *txn, struct arena *arena,
                          struct knowledge_site *out)
{
    const struct program *p = arg;
    struct desk_workspace w = {0};
    TRY(desk_workspace_load(txn, arena, &w));
    *out = (struct knowledge_site){
        .brand = w.brand,
        .public_url = w.public_url,
        .contact_url = str_dup(arena, str_from(settings_str(p->settings, "help.contact_url"))),
        .default_lang = str_eq(w.default_language, STR("zh-CN")) ? LANG_ZH_CN : LANG_EN,
    };
    return ERR_OK;
}

static enum err open_identity(struct program *p, struct errinfo *info)
{
    struct identity_options o = {
        .db = p->db,
        .clock = p->clock,
        .session_idle_ms = settings_int(p->settings, "session.idle"),
        .session_absolute_ms = settings_int(p->settings, "session.absolute"),
        .invitation_ms = settings_int(p->settings, "invitation.valid"),
        .visitor_anonymous_ms = settings_int(p->settings, "visitor.anonymous"),
        .visitor_verified_ms = settings_int(p->settings, "visitor.verified"),
        .setup_token = p->setup_token,
        .allowed_origins = optional(p, "http.allowed_origins"),
        .hooks = desk_identity_hooks(p->desk),
    };
    memcpy(o.secret_key, p->secret_key, sizeof(o.secret_key));
    enum err err = identity_new(&o, &p->identity, info);
    mem_wipe(o.secret_key, sizeof(o.secret_key));
    TRY(err);
    desk_use_identity(p->desk, p->identity);
    identity_use_notices(p->identity, p->notices);
    return identity_use_timers(p->identity, p->timers);
}

static enum err open_rooms(struct program *p, struct errinfo *info)
{
    p->knowledge = knowledge_new(&(struct knowledge_deps){
        .db = p->db, .clock = p->clock, .site_arg = p, .site_load = load_site});
    TRY(bot_new(&(struct bot_deps){.db = p->db, .clock = p->clock, .knowledge = p->knowledge},
                &p->bot, info));
    struct desk_deps desk = {
        .db = p->db,
        .bus = p->bus,
        .notices = p->notices,
        .timers = p->timers,
        .files = p->files,
        .clock = p->clock,
        .bot = bot_desk_table(p->bot),
        .presence_grace_ms = settings_int(p->settings, "presence.grace"),
        .events_keep_ms = settings_int(p->settings, "events.keep"),
        .visitor_frames_per_s = (int)settings_int(p->settings, "chat.visitor_frames_per_second"),
        .agent_frames_per_s = (int)settings_int(p->settings, "chat.agent_frames_per_second")};
    memcpy(desk.secret_key, p->secret_key, sizeof(desk.secret_key));
    enum err err = desk_new(&desk, &p->desk, info);
    mem_wipe(desk.secret_key, sizeof(desk.secret_key));
    TRY(err);
    bot_use_desk(p->bot, p->desk);
    TRY(open_identity(p, info));
    return knowledge_start(p->knowledge);
}

static void make_setup_token(struct program *p)
{
    const char *given = settings_str(p->settings, "setup.token");
    uint8_t mac[32];
    /* Of the installation's key: behind a proxy any node may be asked, and any node may have printed it. */
    crypto_hmac_sha256((struct str){(const char *)p->secret_key, sizeof(p->secret_key)},
                       STR("setup token"), mac);
    const char *made = str_to_cstr(p->arena, codec_base64url(p->arena, mac, sizeof(mac)));
    (void)snprintf(p->setup_token, sizeof(p->setup_token), "%.43s",
                   given[0] != '\0' ? given : made);
}

enum err program_open_settings(struct program *p, char *const *args, struct errinfo *info)
{
    *p = (struct program){
        .clock = clock_system(), .arena = arena_new(0), .version = STR(STABLEHAND_VERSION)};
    TRY(load_settings(p, args, info));
    set_up_log(p->settings);
    return ERR_OK;
}

enum err program_open(struct program *p, char *const *args, struct errinfo *info)
{
    TRY(program_open_settings(p, args, info));
    TRY(crypto_init());
    TRY(open_store(p, info));
    make_setup_token(p);
    return open_rooms(p, info);
}

/* ---- serving ---- */

/* Where uploads wait until they are whole: beside the files when they are in a folder. */
static const char *spool_dir(struct program *p)
{
    if (!program_has_bucket(p)) {
        return program_files_dir(p);
    }
    const char *dir = str_to_cstr(
        p->arena, str_printf(p->arena, "%s/spool", settings_str(p->settings, "data.dir")));
    (void)mkdir(dir, 0700); /* an upload that cannot be written says so */
    return dir;
}

static enum err open_server(struct program *p, struct errinfo *info)
{
    const struct settings *s = p->settings;
    p->own = system_room_new(p);
    p->rooms[ROOM_APP] = p->own;
    p->rooms[ROOM_IDENTITY] = p->identity;
    p->rooms[ROOM_DESK] = p->desk;
    p->rooms[ROOM_KNOWLEDGE] = p->knowledge;
    p->rooms[ROOM_BOT] = p->bot;
    p->gate = (struct idempotency_gate){.db = p->db,
                                        .clock = p->clock,
                                        .started_at = clock_now(&p->clock),
                                        .principal = identity_principal};
    memcpy(p->gate.secret_key, p->secret_key, sizeof(p->gate.secret_key));
    struct server_options o = {
        .listen = settings_str(s, "http.listen"),
        .n_loops = (int)settings_int(s, "http.loops"),
        .n_workers = (int)settings_int(s, "http.workers"),
        .tls_cert = optional(p, "http.tls_cert"),
        .tls_key = optional(p, "http.tls_key"),
        .trusted_proxies = settings_str(s, "http.trusted_proxies"),
        .allowed_origins = settings_str(s, "http.allowed_origins"),
        .web_dir = optional(p, "http.web_dir"),
        .assets = assets_embedded,
        .n_assets = n_assets_embedded,
        .spool_dir = spool_dir(p),
        .max_connections = (size_t)settings_int(s, "http.max_connections"),
        .max_connections_per_ip = (size_t)settings_int(s, "http.max_connections_per_ip"),
        .header_timeout_ms = (int)settings_int(s, "http.header_timeout"),
        .body_timeout_ms = (int)settings_int(s, "http.body_timeout"),
        .idle_timeout_ms = (int)settings_int(s, "http.idle_timeout"),
        .rate_per_s = (int)settings_int(s, "http.rate_per_second"),
        .rate_burst = (int)settings_int(s, "http.rate_burst"),
        .routes = app_routes,
        .n_routes = APP_N_ROUTES,
        .rooms = p->rooms,
        .auth_arg = p->identity,
        .authenticate = identity_authenticate,
        .name_actor = identity_principal,
        .run = idempotency_run,
        .run_arg = &p->gate,
    };
    return server_new(&o, &p->server, info);
}

/* The address of http.listen with the port that was given, when it asked for any. */
static struct str bound_address(const struct program *p)
{
    struct str listen = str_from(settings_str(p->settings, "http.listen"));
    size_t colon = listen.len;
    while (colon > 0 && listen.p[colon - 1] != ':') {
        colon--;
    }
    return str_printf(p->arena, STR_FMT "%d", STR_ARG(str_sub(listen, 0, colon)),
                      server_port(p->server));
}

static enum err tell_first_start(struct program *p)
{
    bool needs_owner = false;
    TRY(identity_needs_owner(p->identity, &needs_owner));
    if (needs_owner) {
        bool is_tls = optional(p, "http.tls_cert") != NULL;
        printf("This desk has no owner yet. Open %s://" STR_FMT
               "/console/ to make one; from another machine it asks for this token:\n  %s\n",
               is_tls ? "https" : "http", STR_ARG(bound_address(p)), p->setup_token);
        (void)fflush(stdout);
    }
    return ERR_OK;
}

/* Only who serves has a lease; a subcommand comes and goes. */
static enum err open_node(struct program *p, struct errinfo *info)
{
    if (db_is_single_node(p->db)) {
        return ERR_OK;
    }
    size_t n_migrations = 0;
    (void)migrations_all(&n_migrations);
    struct node_options o = {
        .db = p->db,
        .clock = p->clock,
        .name = str_from(bus_node(p->bus)->name),
        .version = p->version,
        .schema_version = (int)n_migrations,
        .lease_ms = settings_int(p->settings, "node.lease"),
    };
    TRY(node_open(&o, &p->node, info));
    desk_use_node(p->desk, p->node);
    bot_use_node(p->bot, p->node);
    return ERR_OK;
}

enum err program_serve(struct program *p, struct errinfo *info)
{
    TRY(open_server(p, info));
    TRY(open_node(p, info));
    desk_endpoints(p->desk, p->server);
    TRY(maintenance_use_timers(p->db, &p->clock, p->timers));
    p->answers = (struct db_answers){server_hold, server_let_go, p->server};
    db_around_answers(p->db, &p->answers);
    TRY(server_start(p->server, info));
    TRY(p->node != NULL ? node_start(p->node) : ERR_OK);
    TRY(desk_start(p->desk, info));
    TRY(bot_start(p->bot, p->server));
    bus_start(p->bus);
    /* Last: what fell due while the program was down fires at once, and tells sockets and workers, which have to be there. */
    TRY(timers_start(p->timers));
    TRY(outbox_start(p->outbox));
    system_room_set_ready(p->own, true);
    TRY(tell_first_start(p));
    LOG_INFO("app", "listening", log_cstr("addr", settings_str(p->settings, "http.listen")),
             log_i64("port", server_port(p->server)), log_str("version", p->version));
    return ERR_OK;
}

void program_close(struct program *p)
{
    if (p->server != NULL) {
        system_room_set_ready(p->own, false);
        desk_stop(p->desk);
        server_stop(p->server);
    }
    if (p->node != NULL) {
        node_stop(p->node);
    }
    timers_free(&p->timers);
    outbox_free(&p->outbox);
    bot_free(&p->bot);
    if (p->desk != NULL) {
        desk_finish(p->desk);
    }
    db_close(&p->db);
    server_free(&p->server);
    identity_free(&p->identity);
    desk_free(&p->desk);
    node_free(&p->node);
    knowledge_free(&p->knowledge);
    system_room_free(&p->own);
    if (p->files != NULL) {
        p->files->ops->free(p->files);
        p->files = NULL;
    }
    bus_free(&p->bus);
    bus_end_client();
    notices_free(&p->notices);
    settings_free(&p->settings);
    mem_wipe(p->secret_key, sizeof(p->secret_key));
    mem_wipe(p->gate.secret_key, sizeof(p->gate.secret_key));
    arena_free(&p->arena);
}

/* ---- signals ---- */

static void fill_stop_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
}

void program_block_signals(void)
{
    sigset_t set;
    fill_stop_signals(&set);
    ASSERT(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    (void)signal(SIGPIPE, SIG_IGN);
}

void program_wait_for_signal(void)
{
    sigset_t set;
    fill_stop_signals(&set);
    int number = 0;
    while (sigwait(&set, &number) != 0) {
    }
    LOG_INFO("app", "stopping", log_i64("signal", number));
}

void program_drain(struct program *p)
{
    int64_t ms = settings_int(p->settings, "http.drain");
    system_room_set_ready(p->own, false);
    if (ms > 0) {
        sigset_t set;
        fill_stop_signals(&set);
        struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        (void)sigtimedwait(&set, NULL, &t);
        LOG_INFO("app", "drained");
    }
}

int program_fail(const struct errinfo *info)
{
    (void)fprintf(stderr, "stablehand: %s%s%s\n", info->field, info->field[0] != '\0' ? ": " : "",
                  info->message[0] != '\0' ? info->message : err_name(info->err));
    return 1;
}
