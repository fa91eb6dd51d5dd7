/* Inside of struct bot. Private to the room. */
#ifndef BOT_INTERNAL_H
#define BOT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/vec.h"
#include "bot/bot.h"
#include "bot/dialogue.h"

struct bot_settings {
    bool is_enabled;
    struct str name[LANG_COUNT]; /* in the arena of whoever asked */
    int answer_permille, clarify_permille, max_misses;
    int64_t version;
};

/* What a job carries: a copy of the desk's message. */
struct bot_job {
    struct bot *bot;
    struct arena *arena;
    struct desk_customer_message m;
};

struct bot {
    struct bot_deps deps;
    struct desk *desk;
    struct server *server; /* NULL: jobs wait in `waiting` until bot_work_now */
    struct phrases *phrases;
    const struct bot_matcher *matcher;
    atomic_bool is_enabled;
    atomic_bool
        has_dropped; /* a job did not fit into the queue: the database is asked again when there is room */
    pthread_mutex_t gate; /* around `waiting`: held for an append */
    VEC(struct bot_job *) waiting;
};

/* Runs what waits, in the caller's thread (tests; programs without a server). */
void bot_work_now(struct bot *bot);

/* ---- bot_store.c ---- */
ERR_MUST_USE enum err bot_store_load_settings(struct db_txn *txn, struct arena *arena,
                                              struct bot_settings *out);
ERR_MUST_USE enum err bot_store_save_settings(struct db_txn *txn,
                                              const struct bot_settings *s); /* version + 1 */
struct bot_dialogue {
    struct message_id message; /* the last one that was decided */
    struct dialogue_state before, after;
};
ERR_MUST_USE enum err bot_store_load_dialogue(struct db_txn *txn, struct conversation_id c,
                                              struct bot_dialogue *out); /* ERR_NOT_FOUND */
ERR_MUST_USE enum err bot_store_save_dialogue(struct db_txn *txn, struct conversation_id c,
                                              const struct bot_dialogue *d, int64_t now);
struct bot_miss {
    struct conversation_id conversation;
    struct message_id message;
    enum lang lang;
    struct str best_slug;
    int score_permille;
};
ERR_MUST_USE enum err bot_store_add_miss(struct db_txn *txn, const struct bot_miss *m, int64_t now);

/* ---- bot_settings_service.c ---- */
struct request;
ERR_MUST_USE enum err bot_settings_load(struct bot *bot, struct arena *arena,
                                        struct bot_settings *out);
ERR_MUST_USE enum err bot_settings_update(struct bot *bot, const struct actor *actor,
                                          struct arena *arena, const struct request *if_match,
                                          struct bot_settings *s, struct errinfo *info);

/* ---- bot_service.c ---- */
/* One message decided, without any effect: what bot_http_test shows and what a job acts on. Everything in `arena` or in `kb`. */
struct bot_reading {
    struct bot_match matches[BOT_MAX_MATCHES];
    size_t n_matches;
    struct dialogue_decision decision;
};
struct bot_question {
    struct str text;   /* what is unanswered, joined */
    struct str newest; /* of it, the last message: looked at for secrets */
    struct str button;
    int n_files;
    bool is_unattended; /* nobody is at the desk */
    enum lang fallback; /* the visitor's, when the first words have no language */
};
void bot_read(const struct bot *bot, const struct kb *kb, const struct bot_settings *settings,
              const struct dialogue_state *state, struct arena *arena, const struct bot_question *q,
              struct bot_reading *out);
/* What is said: phrases and answer, brand filled in. */
struct str bot_body(const struct bot *bot, const struct kb *kb, const struct dialogue_decision *d,
                    struct arena *arena);
/* MessageMeta of spec/openapi.yaml: source and buttons; empty when there is neither. */
struct str bot_meta(const struct bot *bot, const struct dialogue_decision *d, struct arena *arena);
void bot_handle(struct bot *bot, const struct desk_customer_message *m);

#endif
