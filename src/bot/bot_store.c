#include "bot/bot_internal.h"

enum err bot_store_load_settings(struct db_txn *txn, struct arena *arena, struct bot_settings *out)
{
    struct db_rows *rows = NULL;
    enum err err =
        db_query_one(txn,
                     "SELECT is_enabled, name_en, name_zh, answer_permille, clarify_permille, "
                     "max_misses, version FROM bot_settings WHERE id = 1",
                     NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    struct bot_settings s = {.is_enabled = db_rows_i64(rows, 0) != 0,
                             .answer_permille = (int)db_rows_i64(rows, 3),
                             .clarify_permille = (int)db_rows_i64(rows, 4),
                             .max_misses = (int)db_rows_i64(rows, 5),
                             .version = db_rows_i64(rows, 6)};
    s.name[LANG_EN] = db_rows_dup(rows, 1, arena);
    s.name[LANG_ZH_CN] = db_rows_dup(rows, 2, arena);
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = s;
    }
    return err;
}

enum err bot_store_save_settings(struct db_txn *txn, const struct bot_settings *s)
{
    return DB_EXEC(txn,
                   "UPDATE bot_settings SET is_enabled = $1, name_en = $2, name_zh = $3, "
                   "answer_permille = $4, clarify_permille = $5, max_misses = $6,"
                   " version = version + 1 WHERE id = 1",
                   db_bool(s->is_enabled), db_text(s->name[LANG_EN]), db_text(s->name[LANG_ZH_CN]),
                   db_i64(s->answer_permille), db_i64(s->clarify_permille), db_i64(s->max_misses));
}

enum err bot_store_load_dialogue(struct db_txn *txn, struct conversation_id c,
                                 struct bot_dialogue *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "SELECT message_id, state_before, state FROM bot_dialogues WHERE conversation_id = $1",
        db_i64(c.v));
    if (err != ERR_OK) {
        return err;
    }
    struct bot_dialogue d = {.message = {db_rows_i64(rows, 0)},
                             .before = dialogue_state_parse(db_rows_str(rows, 1)),
                             .after = dialogue_state_parse(db_rows_str(rows, 2))};
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = d;
    }
    return err;
}

enum err bot_store_save_dialogue(struct db_txn *txn, struct conversation_id c,
                                 const struct bot_dialogue *d, int64_t now)
{
    struct arena *arena = db_txn_arena(txn);
    return DB_EXEC(txn,
                   "INSERT INTO bot_dialogues (conversation_id, message_id, state_before, state, "
                   "updated_at) VALUES ($1, $2, $3, $4, $5)"
                   " ON CONFLICT (conversation_id) DO UPDATE SET message_id = $2, state_before = "
                   "$3, state = $4, updated_at = $5",
                   db_i64(c.v), db_i64(d->message.v),
                   db_text(dialogue_state_format(&d->before, arena)),
                   db_text(dialogue_state_format(&d->after, arena)), db_i64(now));
}

enum err bot_store_add_miss(struct db_txn *txn, const struct bot_miss *m, int64_t now)
{
    return DB_EXEC(txn,
                   "INSERT INTO bot_misses (conversation_id, message_id, lang, best_slug, "
                   "score_permille, at) VALUES ($1, $2, $3, $4, $5, $6)"
                   " ON CONFLICT (message_id) DO NOTHING",
                   db_i64(m->conversation.v), db_i64(m->message.v),
                   db_text(str_from(lang_tag(m->lang))), db_text(m->best_slug),
                   db_i64(m->score_permille), db_i64(now));
}
