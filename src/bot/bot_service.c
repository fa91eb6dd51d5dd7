/* A message from the desk: read what is unanswered, decide, keep the dialogue's state, then reply or hand over.
 *
 * The state is written before the reply, with the message id it belongs to and the state before it. Whatever happens between the two writes, the same message
 * decided again starts from the same state and gives the same words under the same client id, which the desk recognises: neither lost nor doubled. */
#include <time.h>

#include "base/check.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "bot/bot_internal.h"
#include "desk/message.h"
#include "guard/guard.h"
#include "knowledge/markdown.h"
#include "platform/metrics.h"

/* ---- reading one message ---- */

void bot_read(const struct bot *bot, const struct kb *kb, const struct bot_settings *settings,
              const struct dialogue_state *state, struct arena *arena, const struct bot_question *q,
              struct bot_reading *out)
{
    struct str text = q->text, button = q->button;
    struct dialogue_input in = {.text = text,
                                .button = button,
                                .n_files = q->n_files,
                                .has_secret = guard_find_secret(q->newest) != GUARD_SECRET_NONE,
                                .is_unattended = q->is_unattended};
    /* Words without a language (a bare address, digits) go on in the one of the conversation, and begin in the visitor's. */
    enum lang so_far = state->has_spoken ? state->lang : q->fallback;
    in.lang = button.len > 0 && state->has_spoken ? state->lang : lang_of_text(text, so_far);
    in.found = phrases_find(bot->phrases, arena, text);
    out->n_matches =
        bot->matcher->match(bot->matcher->self, kb, in.lang, text, out->matches, BOT_MAX_MATCHES);
    in.matches = out->matches;
    in.n_matches = out->n_matches;
    if (str_starts(button, STR("article:"))) {
        in.button_article = kb_article_find(kb, in.lang, str_sub(button, 8, button.len));
    }
    const struct dialogue_settings ds = {.answer_threshold = settings->answer_permille / 1000.0,
                                         .clarify_threshold = settings->clarify_permille / 1000.0,
                                         .max_misses = settings->max_misses};
    out->decision = dialogue_decide(&ds, state, &in);
}

struct str bot_body(const struct bot *bot, const struct kb *kb, const struct dialogue_decision *d,
                    struct arena *arena)
{
    BUF_AUTO buf;
    buf_init(&buf, 20000);
    const struct markdown_var vars[] = {{"brand", kb_site(kb)->brand}};
    for (int i = 0; i < d->n_phrases; i++) {
        if (buf.len > 0) {
            buf_add_cstr(&buf, "\n\n");
        }
        buf_add_str(&buf, markdown_fill(arena, phrases_text(bot->phrases, d->lang, d->phrases[i]),
                                        vars, 1, true));
    }
    if (d->answer != NULL) {
        if (buf.len > 0) {
            buf_add_cstr(&buf, "\n\n");
        }
        buf_add_str(&buf, d->answer->answer);
    }
    return str_dup(arena, buf_str(&buf));
}

static void put_button(const struct bot *bot, struct json_writer *w, struct arena *arena,
                       enum lang lang, enum dialogue_button kind, const struct kb_article *a)
{
    struct str slug = a != NULL ? a->slug : (struct str){0};
    struct str id = {0};
    struct str label = {0};
    switch (kind) {
    case BUTTON_HELPFUL:
        id = str_printf(arena, "helpful:" STR_FMT, STR_ARG(slug));
        label = phrases_text(bot->phrases, lang, PHRASE_HELPFUL_YES);
        break;
    case BUTTON_NOT_HELPFUL:
        id = str_printf(arena, "not_helpful:" STR_FMT, STR_ARG(slug));
        label = phrases_text(bot->phrases, lang, PHRASE_HELPFUL_NO);
        break;
    case BUTTON_HUMAN:
        id = STR("human");
        label = phrases_text(bot->phrases, lang, PHRASE_CLARIFY_HUMAN);
        break;
    case BUTTON_NONE:
        id = STR("none");
        label = phrases_text(bot->phrases, lang, PHRASE_CLARIFY_NONE);
        break;
    case BUTTON_ARTICLE:
        id = str_printf(arena, "article:" STR_FMT, STR_ARG(slug));
        label = a != NULL ? a->title : (struct str){0};
        break;
    }
    json_object_begin(w);
    json_kv_str(w, "id", id);
    json_kv_str(w, "label", label);
    json_object_end(w);
}

struct str bot_meta(const struct bot *bot, const struct dialogue_decision *d, struct arena *arena)
{
    if (d->answer == NULL && d->n_buttons == 0) {
        return (struct str){0};
    }
    BUF_AUTO buf;
    buf_init(&buf, 8000);
    struct json_writer w;
    json_writer_init(&w, &buf);
    json_object_begin(&w);
    if (d->answer != NULL) {
        json_put_key(&w, "source");
        json_object_begin(&w);
        json_kv_str(&w, "slug", d->answer->slug);
        json_kv_str(&w, "title", d->answer->title);
        json_object_end(&w);
    }
    if (d->n_buttons > 0) {
        json_put_key(&w, "buttons");
        json_array_begin(&w);
        for (int i = 0; i < d->n_buttons; i++) {
            put_button(bot, &w, arena, d->lang, d->buttons[i].kind, d->buttons[i].article);
        }
        json_array_end(&w);
    }
    json_object_end(&w);
    return str_dup(arena, buf_str(&buf));
}

/* ---- one job ---- */

struct work {
    struct bot *bot;
    const struct desk_customer_message *m;
    struct arena *arena;
    const struct kb *kb;
    struct bot_settings settings;
    struct bot_dialogue dialogue;
    struct str text;    /* what is unanswered, joined */
    bool is_superseded; /* a newer message of the customer is there, and with it a newer job */
    bool is_attended;   /* somebody is at the desk */
    struct bot_reading reading;
    struct str body, meta, client_id;
};

#define RECENT 8

/* Several messages in a row are one question, as people type: the last three of them, until somebody else spoke. */
static void join_text(struct work *w, const struct desk_message *messages, size_t n)
{
    size_t from = n;
    while (from > 0 && messages[from - 1].author_kind == AUTHOR_CUSTOMER && n - from < 3) {
        from--;
    }
    w->is_superseded = n > 0 && messages[n - 1].author_kind == AUTHOR_CUSTOMER &&
                       messages[n - 1].id.v > w->m->message.v;
    w->text = w->m->body;
    for (size_t i = n; i > from && w->m->button.len == 0; i--) {
        if (messages[i - 1].id.v < w->m->message.v) {
            w->text = str_printf(w->arena, STR_FMT "\n" STR_FMT, STR_ARG(messages[i - 1].body),
                                 STR_ARG(w->text));
        }
    }
}

static enum err load_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    struct desk_message *messages;
    size_t n;
    w->dialogue = (struct bot_dialogue){0};
    enum err err = bot_store_load_settings(txn, w->arena, &w->settings);
    if (err == ERR_OK) {
        err = desk_is_attended(txn, &w->is_attended);
    }
    if (err == ERR_OK) {
        err = desk_recent_messages(txn, w->m->conversation, RECENT, w->arena, &messages, &n);
    }
    if (err == ERR_OK) {
        join_text(w, messages, n);
        err = bot_store_load_dialogue(txn, w->m->conversation, &w->dialogue);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err save_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    int64_t now = clock_now(&w->bot->deps.clock);
    enum err err = bot_store_save_dialogue(txn, w->m->conversation, &w->dialogue, now);
    if (err == ERR_OK && w->reading.decision.is_miss) {
        struct bot_miss miss = {.conversation = w->m->conversation,
                                .message = w->m->message,
                                .lang = w->reading.decision.lang};
        if (w->reading.n_matches > 0) {
            miss.best_slug = w->reading.matches[0].article->slug;
            miss.score_permille = (int)(w->reading.matches[0].score * 1000.0);
        }
        err = bot_store_add_miss(txn, &miss, now);
    }
    return err;
}

static enum phrase why(const char *reason)
{
    static const struct {
        const char *reason;
        enum phrase phrase;
    } whys[] = {{"customer_asked", PHRASE_NOTE_CUSTOMER_ASKED},
                {"money_at_risk", PHRASE_NOTE_MONEY_AT_RISK},
                {"repeated", PHRASE_NOTE_REPEATED},
                {"abuse", PHRASE_NOTE_ABUSE},
                {"attachment", PHRASE_NOTE_ATTACHMENT}};
    for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++) {
        if (strcmp(whys[i].reason, reason) == 0) {
            return whys[i].phrase;
        }
    }
    return PHRASE_NOTE_MISSES;
}

/* For the person who takes over: why, and what the question was near. In the conversation's language, since whoever answers it reads that. */
static struct str handover_note(const struct work *w)
{
    const struct bot_reading *r = &w->reading;
    const struct phrases *phrases = w->bot->phrases;
    enum lang lang = r->decision.lang;
    struct str text = phrases_text(phrases, lang, why(r->decision.reason));
    const struct kb_article *a = r->n_matches > 0 ? r->matches[0].article : NULL;
    int percent = r->n_matches > 0 ? (int)(r->matches[0].score * 100.0 + 0.5) : 0;
    enum phrase near = PHRASE_NOTE_CLOSEST;
    if (r->decision.is_after_answer) {
        near = PHRASE_NOTE_ANSWERED;
        a = kb_article_find(w->kb, w->dialogue.before.lang, str_from(w->dialogue.before.last_slug));
    }
    if (a == NULL) {
        return text;
    }
    const struct markdown_var vars[] = {{"title", a->title},
                                        {"percent", str_printf(w->arena, "%d", percent)}};
    struct str about = markdown_fill(w->arena, phrases_text(phrases, lang, near), vars, 2, false);
    const char *gap = lang == LANG_ZH_CN ? "" : " ";
    return str_printf(w->arena, STR_FMT "%s" STR_FMT, STR_ARG(text), gap, STR_ARG(about));
}

static enum err send(const struct work *w)
{
    const struct dialogue_decision *d = &w->reading.decision;
    struct str language = str_from(lang_tag(d->lang));
    if (d->action == DIALOGUE_HANDOVER) {
        struct desk_handover h = {.conversation = w->m->conversation,
                                  .priority = d->priority,
                                  .reason = str_from(d->reason),
                                  .topic = d->topic,
                                  .language = language,
                                  .note = handover_note(w),
                                  .name = w->settings.name[d->lang],
                                  .client_id = w->client_id,
                                  .body = w->body,
                                  .meta = w->meta};
        return desk_handover(w->bot->desk, &h, NULL);
    }
    struct desk_bot_message b = {.conversation = w->m->conversation,
                                 .client_id = w->client_id,
                                 .body = w->body,
                                 .meta = w->meta,
                                 .name = w->settings.name[d->lang],
                                 .language = language,
                                 .topic = d->topic};
    return desk_bot_reply(w->bot->desk, &b, NULL);
}

static void count(const struct dialogue_decision *d)
{
    static struct metric *metrics[DIALOGUE_ACTION_COUNT];
    static const char *const names[DIALOGUE_ACTION_COUNT] = {
        "stablehand_bot_answers_total",   "stablehand_bot_clarifications_total",
        "stablehand_bot_misses_total",    "stablehand_bot_handovers_total",
        "stablehand_bot_greetings_total", "stablehand_bot_thanks_total",
        "stablehand_bot_talk_total"};
    /* metric_counter gives the same counter for the same name, so a race here is harmless. */
    if (metrics[d->action] == NULL) {
        metrics[d->action] = metric_counter(names[d->action], "Decisions of the bot.");
    }
    metric_add(metrics[d->action], 1);
}

static enum err handle(struct work *w)
{
    enum err err = db_read(w->bot->deps.db, load_fn, w);
    if (err != ERR_OK || w->is_superseded || !w->settings.is_enabled ||
        w->dialogue.message.v > w->m->message.v) {
        return err;
    }
    bool is_again = w->dialogue.message.v == w->m->message.v;
    const struct dialogue_state before = is_again ? w->dialogue.before : w->dialogue.after;
    desk_bot_typing(w->bot->desk, w->m->conversation, w->settings.name[LANG_EN], true);
    enum lang fallback = kb_site(w->kb)->default_lang;
    (void)lang_parse(w->m->language, &fallback);
    const struct bot_question q = {.text = w->text,
                                   .newest = w->m->body,
                                   .button = w->m->button,
                                   .n_files = w->m->n_files,
                                   .is_unattended = !w->is_attended,
                                   .fallback = fallback};
    bot_read(w->bot, w->kb, &w->settings, &before, w->arena, &q, &w->reading);
    w->body = bot_body(w->bot, w->kb, &w->reading.decision, w->arena);
    w->meta = bot_meta(w->bot, &w->reading.decision, w->arena);
    w->client_id = str_printf(w->arena, "bot-%012lld", (long long)w->m->message.v);
    w->dialogue = (struct bot_dialogue){
        .message = w->m->message, .before = before, .after = w->reading.decision.next};
    if (!is_again) {
        err = db_write(w->bot->deps.db, save_fn, w);
    }
    if (err == ERR_OK) {
        err = send(w);
    }
    if (err == ERR_OK && !is_again) {
        count(&w->reading.decision);
    }
    return err;
}

/* Full queue, full disk, a moment without the database: worth another try or two; after that the message is found again at the next start. */
static bool is_passing(enum err err)
{
    return err == ERR_UNAVAILABLE || err == ERR_AGAIN || err == ERR_LIMIT || err == ERR_TIMEOUT;
}

void bot_handle(struct bot *bot, const struct desk_customer_message *m)
{
    enum err err = ERR_OK;
    for (int attempt = 0; attempt < 3; attempt++) {
        ARENA_AUTO arena = arena_new(0);
        KB_AUTO kb = knowledge_ref(bot->deps.knowledge);
        struct work w = {.bot = bot, .m = m, .arena = arena, .kb = kb};
        err = handle(&w);
        if (!is_passing(err)) {
            break;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000000L * (1 + attempt * 3)}, NULL);
    }
    /* ERR_CONFLICT, ERR_NOT_FOUND: a person has it by now, or it is gone. */
    if (err != ERR_OK && err != ERR_CONFLICT && err != ERR_NOT_FOUND) {
        LOG_ERROR("bot", "message not answered", log_i64("conversation", m->conversation.v),
                  log_i64("message", m->message.v), log_cstr("err", err_name(err)));
    }
}
