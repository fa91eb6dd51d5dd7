/* Life of the room, and the way of a message from the committing thread to a worker. */
#include "bot/bot.h"

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "bot/bot_internal.h"
#include "platform/node.h"

enum err bot_new(const struct bot_deps *deps, struct bot **out, struct errinfo *info)
{
    struct str json;
    struct phrases *phrases = NULL;
    if (!knowledge_starter_file("phrases.json", &json)) {
        return err_set(info, ERR_INTERNAL, "phrases.json", "not_found",
                       "the bot's phrases are not in the program");
    }
    enum err err = phrases_parse(json, &phrases, info);
    if (err != ERR_OK) {
        return err;
    }
    struct bot *bot = MEM_NEW(struct bot);
    bot->deps = *deps;
    bot->phrases = phrases;
    bot->matcher = bot_matcher_retrieval();
    pthread_mutex_init(&bot->gate, NULL);
    ARENA_AUTO arena = arena_new(0);
    struct bot_settings settings;
    err = bot_settings_load(bot, arena, &settings);
    if (err != ERR_OK) {
        bot_free(&bot);
        return err_set(info, err, "bot_settings", "load", "the bot's settings cannot be read");
    }
    atomic_init(&bot->is_enabled, settings.is_enabled);
    *out = bot;
    return ERR_OK;
}

void bot_free(struct bot **bot)
{
    if (*bot != NULL) {
        for (size_t i = 0; i < (*bot)->waiting.len; i++) {
            arena_free(&(*bot)->waiting.items[i]->arena);
        }
        VEC_RELEASE(&(*bot)->waiting);
        pthread_mutex_destroy(&(*bot)->gate);
        phrases_free(&(*bot)->phrases);
        mem_free(*bot);
        *bot = NULL;
    }
}

static bool is_on(void *arg)
{
    return atomic_load(&((struct bot *)arg)->is_enabled);
}

/* On a worker. The job lives in its own arena. */
static void job_run(void *arg)
{
    struct bot_job *job = arg;
    struct bot *bot = job->bot;
    bot_handle(bot, &job->m);
    struct arena *arena = job->arena;
    arena_free(&arena);
    if (atomic_exchange(&bot->has_dropped, false) && desk_bot_pending(bot->desk) != ERR_OK) {
        atomic_store(&bot->has_dropped, true);
    }
}

static void customer_message(void *arg, const struct desk_customer_message *m)
{
    struct bot *bot = arg;
    struct arena *arena = arena_new(0);
    struct bot_job *job = ARENA_NEW(arena, struct bot_job);
    *job = (struct bot_job){.bot = bot, .arena = arena, .m = *m};
    job->m.body = str_dup(arena, m->body);
    job->m.button = str_dup(arena, m->button);
    job->m.language = str_dup(arena, m->language);
    if (bot->server == NULL) {
        pthread_mutex_lock(&bot->gate);
        VEC_PUSH(&bot->waiting, job);
        pthread_mutex_unlock(&bot->gate);
        return;
    }
    if (server_work(bot->server, (uint64_t)m->conversation.v, job_run, job) != ERR_OK) {
        LOG_WARN("bot", "queue full", log_i64("conversation", m->conversation.v));
        atomic_store(&bot->has_dropped, true);
        arena_free(&arena);
    }
}

struct desk_bot bot_desk_table(struct bot *bot)
{
    return (struct desk_bot){.arg = bot, .is_on = is_on, .customer_message = customer_message};
}

void bot_use_desk(struct bot *bot, struct desk *desk)
{
    bot->desk = desk;
}

static void on_tick(void *arg)
{
    struct bot *bot = arg;
    ARENA_AUTO arena = arena_new(0);
    struct bot_settings settings;
    if (bot_settings_load(bot, arena, &settings) == ERR_OK) {
        atomic_store(&bot->is_enabled, settings.is_enabled);
    }
}

void bot_use_node(struct bot *bot, struct node *node)
{
    node_on_tick(node, on_tick, bot);
}

void bot_work_now(struct bot *bot)
{
    for (;;) {
        struct bot_job *job = NULL;
        pthread_mutex_lock(&bot->gate);
        if (bot->waiting.len > 0) {
            job = bot->waiting.items[0];
            memmove(bot->waiting.items, bot->waiting.items + 1,
                    (bot->waiting.len - 1) * sizeof(struct bot_job *));
            bot->waiting.len--;
        }
        pthread_mutex_unlock(&bot->gate);
        if (job == NULL) {
            return;
        }
        job_run(job);
    }
}

enum err bot_start(struct bot *bot, struct server *server)
{
    ASSERT(bot->desk != NULL);
    bot->server = server;
    return desk_bot_pending(bot->desk);
}
