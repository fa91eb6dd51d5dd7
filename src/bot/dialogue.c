#include "bot/dialogue.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/json.h"

static const char *const action_names[DIALOGUE_ACTION_COUNT + 1] = {
    "answer", "clarify", "miss", "handover", "greet", "thanks", "talk", NULL};

const char *dialogue_action_name(enum dialogue_action a)
{
    ASSERT((unsigned)a < DIALOGUE_ACTION_COUNT);
    return action_names[a];
}

/* ---- state ---- */

struct str dialogue_state_format(const struct dialogue_state *s, struct arena *arena)
{
    BUF_AUTO buf;
    buf_init(&buf, 1000);
    struct json_writer w;
    json_writer_init(&w, &buf);
    json_object_begin(&w);
    json_kv_i64(&w, "misses", s->misses);
    json_kv_cstr(&w, "action", dialogue_action_name(s->last_action));
    json_kv_bool(&w, "spoken", s->has_spoken);
    json_kv_cstr(&w, "slug", s->last_slug);
    json_kv_cstr(&w, "lang", lang_tag(s->lang));
    json_object_end(&w);
    return str_dup(arena, buf_str(&buf));
}

struct dialogue_state dialogue_state_parse(struct str json)
{
    struct dialogue_state s = {0};
    struct json_doc *doc = NULL;
    int64_t misses = 0;
    int action = 0;
    if (json_parse(json, 1000, &doc, NULL) != ERR_OK) {
        return s;
    }
    const struct json *o = json_root(doc);
    struct str slug = json_str(json_find(o, "slug"));
    if (json_get_i64(o, "misses", 0, 1000, &misses, NULL) == ERR_OK &&
        json_get_enum(o, "action", action_names, &action, NULL) == ERR_OK &&
        slug.len <= DIALOGUE_SLUG_MAX) {
        s.misses = (int)misses;
        s.last_action = (enum dialogue_action)action;
        s.has_spoken = json_bool(json_find(o, "spoken"));
        (void)snprintf(s.last_slug, sizeof(s.last_slug), STR_FMT, STR_ARG(slug));
        (void)lang_parse(json_str(json_find(o, "lang")), &s.lang);
    }
    json_doc_free(&doc);
    return s;
}

/* ---- deciding ---- */

struct decider {
    const struct dialogue_settings *settings;
    const struct dialogue_state *state;
    const struct dialogue_input *in;
    struct dialogue_decision out;
};

static void say(struct decider *d, enum dialogue_action action, enum phrase phrase,
                const char *reason)
{
    d->out.action = action;
    d->out.phrases[d->out.n_phrases++] = phrase;
    d->out.reason = reason;
}

static void add_button(struct decider *d, enum dialogue_button kind,
                       const struct kb_article *article)
{
    if (d->out.n_buttons < DIALOGUE_MAX_BUTTONS) {
        d->out.buttons[d->out.n_buttons].kind = kind;
        d->out.buttons[d->out.n_buttons++].article = article;
    }
}

static struct str best_topic(const struct decider *d)
{
    bool is_likely =
        d->in->n_matches > 0 && d->in->matches[0].score >= d->settings->clarify_threshold;
    return is_likely ? d->in->matches[0].article->category_slug : (struct str){0};
}

static void hand_over(struct decider *d, enum phrase phrase, const char *reason,
                      enum conversation_priority priority)
{
    say(d, DIALOGUE_HANDOVER, phrase, reason);
    d->out.priority = priority;
    d->out.topic = best_topic(d);
    d->out.next.misses = 0;
}

/* "人工" after an answer says nothing of the matter: it stays with what was answered. */
static void hand_over_as_asked(struct decider *d)
{
    bool is_money = d->in->button.len == 0 && d->in->found.is_money;
    hand_over(d, PHRASE_HANDOVER, "customer_asked", is_money ? PRIORITY_URGENT : PRIORITY_NORMAL);
    d->out.is_after_answer = d->state->last_slug[0] != '\0';
    if (d->out.is_after_answer) {
        d->out.topic = (struct str){0};
    }
}

/* Up to `max` articles that the question may be about. */
static int add_suggestions(struct decider *d, int max)
{
    int n = 0;
    for (size_t i = 0; i < d->in->n_matches && n < max; i++) {
        /* Far behind the first: a button that only costs attention. */
        if (d->in->matches[i].score * 4 >= d->in->matches[0].score || i < 2) {
            add_button(d, BUTTON_ARTICLE, d->in->matches[i].article);
            n++;
        }
    }
    return n;
}

static void miss(struct decider *d, enum phrase first_time, const char *reason)
{
    d->out.is_miss = true;
    int misses = d->state->misses + 1;
    if (misses >= d->settings->max_misses) {
        hand_over(d, PHRASE_NO_ANSWER_2, "misses", PRIORITY_NORMAL);
        return;
    }
    say(d, DIALOGUE_MISS, first_time, reason);
    d->out.next.misses = misses;
    (void)add_suggestions(d, 3);
    add_button(d, BUTTON_HUMAN, NULL);
}

static void answer(struct decider *d, const struct kb_article *a, const char *reason)
{
    if (a->slug.len <= DIALOGUE_SLUG_MAX && str_eq_cstr(a->slug, d->state->last_slug)) {
        d->out.is_miss = true; /* it did not help the first time */
        hand_over(d, PHRASE_NO_ANSWER_2, "repeated", PRIORITY_NORMAL);
        return;
    }
    d->out.answer = a;
    d->out.topic = a->category_slug;
    d->out.next.misses = 0;
    if (a->risk == RISK_MONEY) {
        say(d, DIALOGUE_HANDOVER, PHRASE_MONEY_AT_RISK_INTRO, "money_at_risk");
        d->out.priority = d->in->found.is_money ? PRIORITY_URGENT : PRIORITY_HIGH;
        return;
    }
    d->out.action = DIALOGUE_ANSWER;
    d->out.reason = reason;
    (void)snprintf(d->out.next.last_slug, sizeof(d->out.next.last_slug), STR_FMT,
                   STR_ARG(str_sub(a->slug, 0, DIALOGUE_SLUG_MAX)));
    add_button(d, BUTTON_HELPFUL, a);
    add_button(d, BUTTON_NOT_HELPFUL, a);
    add_button(d, BUTTON_HUMAN, NULL);
}

static void talk(struct decider *d, enum dialogue_action action, enum phrase phrase,
                 const char *reason)
{
    say(d, action, phrase, reason);
    d->out.next.misses = d->state->misses;
    add_button(d, BUTTON_HUMAN, NULL);
}

static bool decide_button(struct decider *d)
{
    struct str b = d->in->button;
    if (b.len == 0) {
        return false;
    }
    if (str_eq_cstr(b, "human")) {
        hand_over_as_asked(d);
    } else if (str_starts(b, STR("helpful:"))) {
        say(d, DIALOGUE_THANKS, PHRASE_THANKS, "helpful");
    } else if (str_starts(b, STR("not_helpful:"))) {
        miss(d, PHRASE_HELPFUL_NO_FOLLOWUP, "not_helpful");
    } else if (str_eq_cstr(b, "none")) {
        miss(d, PHRASE_NO_ANSWER_1, "none_of_these");
    } else if (d->in->button_article != NULL) {
        answer(d, d->in->button_article, "chosen");
    } else {
        return false; /* a button we do not know, or of an article that is gone: its label is the text */
    }
    return true;
}

/* Whole messages that are no question. */
static bool decide_small_talk(struct decider *d)
{
    const struct phrases_found *f = &d->in->found;
    bool after_answer = d->state->last_slug[0] != '\0';
    if (f->is_greeting) {
        talk(d, DIALOGUE_GREET, PHRASE_GREETING, "greeting");
    } else if (f->is_thanks || (f->is_yes && after_answer)) {
        say(d, DIALOGUE_THANKS, PHRASE_THANKS, f->is_thanks ? "thanks" : "helpful");
    } else if (f->is_goodbye) {
        say(d, DIALOGUE_TALK, PHRASE_GOODBYE, "goodbye");
    } else if (f->is_about_bot) {
        talk(d, DIALOGUE_TALK, PHRASE_WHAT_I_CAN_DO, "about_bot");
    } else if (f->is_no && after_answer) {
        miss(d, PHRASE_HELPFUL_NO_FOLLOWUP, "not_helpful");
    } else {
        return false;
    }
    return true;
}

/* Words of loss: a person with priority in any case; what to do meanwhile when an article about such things is near. */
static void decide_money(struct decider *d)
{
    for (size_t i = 0; i < d->in->n_matches && i < 3; i++) {
        const struct bot_match *m = &d->in->matches[i];
        if (m->article->risk == RISK_MONEY &&
            (m->score >= d->settings->clarify_threshold || i == 0)) {
            answer(d, m->article, "money_at_risk");
            d->out.priority = PRIORITY_URGENT;
            return;
        }
    }
    hand_over(d, PHRASE_HANDOVER_PRIORITY, "money_at_risk", PRIORITY_URGENT);
    d->out.phrases[d->out.n_phrases++] = PHRASE_NEVER_ASK;
}

static void decide_question(struct decider *d)
{
    const struct bot_match *best = d->in->n_matches > 0 ? &d->in->matches[0] : NULL;
    if (best != NULL && best->is_exact) {
        answer(d, best->article, "exact");
    } else if (d->in->found.is_money) {
        decide_money(d);
    } else if (best != NULL && best->score >= d->settings->answer_threshold) {
        answer(d, best->article, "match");
    } else if (d->in->found.is_abuse) {
        hand_over(d, PHRASE_ABUSE_CALM, "abuse", PRIORITY_NORMAL);
    } else if (best != NULL && best->score >= d->settings->clarify_threshold &&
               !(d->state->has_spoken && d->state->last_action == DIALOGUE_CLARIFY)) {
        say(d, DIALOGUE_CLARIFY, PHRASE_CLARIFY_INTRO, "doubtful");
        d->out.next.misses = d->state->misses;
        (void)add_suggestions(d, 3);
        add_button(d, BUTTON_NONE, NULL);
        add_button(d, BUTTON_HUMAN, NULL);
    } else {
        miss(d, PHRASE_NO_ANSWER_1, "no_match");
    }
}

/* Whoever sends files again after having been asked for words has nothing to add: a person looks at them. */
static void decide_wordless(struct decider *d)
{
    if (d->in->n_files == 0) {
        talk(d, DIALOGUE_TALK, PHRASE_BOT_ONLY_TEXT, "no_text");
    } else if (d->state->has_spoken && d->state->last_action == DIALOGUE_TALK) {
        hand_over(d, PHRASE_HANDOVER, "attachment", PRIORITY_NORMAL);
    } else {
        talk(d, DIALOGUE_TALK, PHRASE_FILE_RECEIVED, "file");
    }
}

static void say_first(struct dialogue_decision *out, enum phrase phrase)
{
    ASSERT(out->n_phrases < DIALOGUE_MAX_PHRASES);
    memmove(out->phrases + 1, out->phrases, (size_t)out->n_phrases * sizeof out->phrases[0]);
    out->phrases[0] = phrase;
    out->n_phrases++;
}

/* True whatever was decided: nobody is there, and a secret was written. */
static void add_circumstances(struct decider *d)
{
    struct dialogue_decision *out = &d->out;
    if (out->action == DIALOGUE_HANDOVER && d->in->is_unattended) {
        if (out->phrases[0] == PHRASE_HANDOVER) {
            out->phrases[0] = PHRASE_HANDOVER_NO_AGENT; /* not "I am bringing in a person now" */
        } else {
            say_first(out, PHRASE_HANDOVER_NO_AGENT);
        }
    }
    if (d->in->has_secret) {
        say_first(out, PHRASE_SECRET_WARNING);
    }
}

struct dialogue_decision dialogue_decide(const struct dialogue_settings *settings,
                                         const struct dialogue_state *state,
                                         const struct dialogue_input *in)
{
    struct decider d = {.settings = settings, .state = state, .in = in};
    d.out.lang = in->lang;
    d.out.priority = PRIORITY_NORMAL;
    d.out.reason = "";
    if (!decide_button(&d)) {
        if (in->found.wants_human) {
            hand_over_as_asked(&d);
        } else if (str_trim(in->text).len == 0) {
            decide_wordless(&d);
        } else if (!decide_small_talk(&d)) {
            decide_question(&d);
        }
    }
    add_circumstances(&d);
    d.out.next.last_action = d.out.action;
    d.out.next.has_spoken = true;
    d.out.next.lang = d.out.lang;
    return d.out;
}
