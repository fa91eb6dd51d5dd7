#include "base/log.h"
#include "bot/bot_internal.h"
#include "platform/http.h"

struct settings_arg {
    struct arena *arena;
    const struct request *if_match;
    struct bot_settings *in;
    struct bot_settings out;
    bool was_enabled;
    struct errinfo *info;
};

static enum err load_fn(struct db_txn *txn, void *arg)
{
    struct settings_arg *a = arg;
    return bot_store_load_settings(txn, a->arena, &a->out);
}

enum err bot_settings_load(struct bot *bot, struct arena *arena, struct bot_settings *out)
{
    struct settings_arg a = {.arena = arena};
    enum err err = db_read(bot->deps.db, load_fn, &a);
    if (err == ERR_OK) {
        *out = a.out;
    }
    return err;
}

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct settings_arg *a = arg;
    enum err err = bot_store_load_settings(txn, a->arena, &a->out);
    a->was_enabled = err == ERR_OK && a->out.is_enabled;
    if (err == ERR_OK && a->if_match != NULL) {
        err = request_if_match(a->if_match, a->out.version, a->info);
    }
    if (err == ERR_OK) {
        err = bot_store_save_settings(txn, a->in);
    }
    return err == ERR_OK ? bot_store_load_settings(txn, a->arena, &a->out) : err;
}

enum err bot_settings_update(struct bot *bot, const struct actor *actor, struct arena *arena,
                             const struct request *if_match, struct bot_settings *s,
                             struct errinfo *info)
{
    struct settings_arg a = {.arena = arena, .if_match = if_match, .in = s, .info = info};
    enum err err = actor_require(actor, PERM_BOT_MANAGE, info);
    if (err == ERR_OK && s->clarify_permille > s->answer_permille) {
        err =
            err_set(info, ERR_INVALID, "clarify_threshold", "range", "not above answer_threshold");
    }
    if (err == ERR_OK) {
        err = db_write(bot->deps.db, update_fn, &a);
    }
    if (err != ERR_OK) {
        return err;
    }
    *s = a.out;
    atomic_store(&bot->is_enabled, s->is_enabled);
    if (a.was_enabled != s->is_enabled && bot->desk != NULL) {
        /* Off: nobody waits for a bot that is gone. On: what its inboxes have open and unanswered is taken up. */
        enum err moved = s->is_enabled ? desk_bot_pending(bot->desk) : desk_bot_release(bot->desk);
        if (moved != ERR_OK) {
            LOG_ERROR("bot", "switch", log_cstr("err", err_name(moved)));
        }
    }
    return ERR_OK;
}
