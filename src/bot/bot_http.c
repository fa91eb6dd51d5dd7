#include "bot/bot_internal.h"
#include "bot/bot_routes.gen.h"
#include "platform/http.h"

static void write_settings(struct response *rs, const struct bot *bot, const struct bot_settings *s)
{
    KB_AUTO kb = knowledge_ref(bot->deps.knowledge);
    response_etag(rs, s->version);
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_bool(w, "enabled", s->is_enabled);
    json_put_key(w, "name");
    json_object_begin(w);
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        json_kv_str(w, lang_tag((enum lang)lang), s->name[lang]);
    }
    json_object_end(w);
    json_put_key(w, "answer_threshold");
    json_put_double(w, s->answer_permille / 1000.0);
    json_put_key(w, "clarify_threshold");
    json_put_double(w, s->clarify_permille / 1000.0);
    json_kv_i64(w, "max_misses", s->max_misses);
    json_kv_i64(w, "n_phrasings", (int64_t)kb_n_phrasings(kb));
    json_kv_i64(w, "version", s->version);
    json_object_end(w);
}

enum err bot_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct bot_settings s;
    enum err err = actor_require(request_actor(rq), PERM_BOT_READ, info);
    err = err == ERR_OK ? bot_settings_load(rq->room, rq->arena, &s) : err;
    if (err == ERR_OK) {
        write_settings(rs, rq->room, &s);
    }
    return err;
}

static enum err get_share(const struct json *o, const char *key, int *permille_out,
                          struct errinfo *info)
{
    const struct json *v = json_find(o, key);
    double x = json_num(v);
    if (!json_is_number(v) || !(x >= 0 && x <= 1)) {
        return err_set(info, ERR_INVALID, key,
                       v == NULL           ? "required"
                       : json_is_number(v) ? "range"
                                           : "type",
                       "a number from 0 to 1");
    }
    *permille_out = (int)(x * 1000.0 + 0.5);
    return ERR_OK;
}

static enum err read_settings(struct request *rq, struct bot_settings *s, struct errinfo *info)
{
    const struct json *body;
    int64_t max_misses;
    enum err err = request_json(rq, &body, info);
    if (err == ERR_OK && !json_is_bool(json_find(body, "enabled"))) {
        err = err_set(info, ERR_INVALID, "enabled", "required", "true or false");
    }
    err = err == ERR_OK ? json_opt_bool(body, "enabled", true, &s->is_enabled, info) : err;
    for (int lang = 0; err == ERR_OK && lang < LANG_COUNT; lang++) {
        err = json_get_str(json_find(body, "name"), lang_tag((enum lang)lang), 1, 40,
                           &s->name[lang], info);
    }
    err = err == ERR_OK ? get_share(body, "answer_threshold", &s->answer_permille, info) : err;
    err = err == ERR_OK ? get_share(body, "clarify_threshold", &s->clarify_permille, info) : err;
    err = err == ERR_OK ? json_get_i64(body, "max_misses", 1, 5, &max_misses, info) : err;
    if (err == ERR_OK) {
        s->max_misses = (int)max_misses;
    }
    return err;
}

enum err bot_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct bot_settings s = {0};
    enum err err = read_settings(rq, &s, info);
    err = err == ERR_OK ? bot_settings_update(rq->room, request_actor(rq), rq->arena, rq, &s, info)
                        : err;
    if (err == ERR_OK) {
        write_settings(rs, rq->room, &s);
    }
    return err;
}

static void write_reading(struct json_writer *w, const struct bot *bot, const struct kb *kb,
                          const struct bot_reading *r, struct arena *arena)
{
    const struct dialogue_decision *d = &r->decision;
    json_object_begin(w);
    json_kv_cstr(w, "action", dialogue_action_name(d->action));
    json_kv_cstr(w, "language", lang_tag(d->lang));
    json_put_key(w, "score");
    json_put_double(w, r->n_matches > 0 ? r->matches[0].score : 0.0);
    json_kv_str(w, "body", bot_body(bot, kb, d, arena));
    json_put_key(w, "source");
    if (d->answer != NULL) {
        json_object_begin(w);
        json_kv_str(w, "slug", d->answer->slug);
        json_kv_str(w, "title", d->answer->title);
        json_object_end(w);
    } else {
        json_put_null(w);
    }
    json_kv_cstr(w, "priority", conversation_priority_name(d->priority));
    json_kv_cstr(w, "reason", d->reason);
    json_put_key(w, "candidates");
    json_array_begin(w);
    for (size_t i = 0; i < r->n_matches; i++) {
        json_object_begin(w);
        json_kv_str(w, "slug", r->matches[i].article->slug);
        json_kv_str(w, "title", r->matches[i].article->title);
        json_kv_str(w, "phrasing", r->matches[i].phrasing);
        json_put_key(w, "score");
        json_put_double(w, r->matches[i].score);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

enum err bot_http_test(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct bot *bot = rq->room;
    const struct json *body;
    struct str text;
    struct bot_settings s;
    enum err err = actor_require(request_actor(rq), PERM_BOT_READ, info);
    err = err == ERR_OK ? request_json(rq, &body, info) : err;
    err = err == ERR_OK ? json_get_str(body, "text", 1, 2000, &text, info) : err;
    err = err == ERR_OK ? bot_settings_load(bot, rq->arena, &s) : err;
    if (err != ERR_OK) {
        return err;
    }
    KB_AUTO kb = knowledge_ref(bot->deps.knowledge);
    const struct dialogue_state state = {0};
    struct bot_reading reading;
    const struct bot_question q = {
        .text = text, .newest = text, .fallback = kb_site(kb)->default_lang};
    bot_read(bot, kb, &s, &state, rq->arena, &q, &reading);
    write_reading(response_json(rs), bot, kb, &reading, rq->arena);
    return ERR_OK;
}
