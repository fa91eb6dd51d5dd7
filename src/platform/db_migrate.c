/* See db_migrate.h. */
#include "platform/db_migrate.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "platform/crypto.h"

#define MIGRATION_MAX ((size_t)4 << 20)

void db_migration_hash(const char *sql, char out[65])
{
    crypto_sha256_hex(str_from(sql), out);
}

static const char *word_for(struct str name, const struct db_words *w)
{
    const struct {
        const char *name, *text;
    } table[] = {{"ID", w->id},
                 {"I64", w->i64},
                 {"TIME", w->time},
                 {"BLOB", w->blob},
                 {"STRICT", w->strict}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (str_eq_cstr(name, table[i].name)) {
            return table[i].text;
        }
    }
    return NULL;
}

/* A block of another engine is skipped; ours is expanded like the rest, and its {{END}} is nothing. */
static void expand_word(struct buf *out, struct str word, struct str *rest,
                        const struct db_words *words)
{
    if (str_eq(word, STR("SQLITE")) || str_eq(word, STR("POSTGRES"))) {
        size_t end = str_find(*rest, STR("{{END}}"));
        ASSERT(end != SIZE_MAX);
        if (!str_eq_cstr(word, words->engine)) {
            *rest = str_sub(*rest, end, rest->len);
        }
        return;
    }
    const char *text = str_eq(word, STR("END")) ? "" : word_for(word, words);
    ASSERT(text != NULL);
    (void)buf_add_cstr(out, text);
}

char *db_migration_expand(const char *sql, const struct db_words *words)
{
    struct buf out;
    buf_init(&out, MIGRATION_MAX);
    struct str rest = str_from(sql);
    for (;;) {
        size_t at = str_find(rest, STR("{{"));
        (void)buf_add_str(&out, str_sub(rest, 0, at == SIZE_MAX ? rest.len : at));
        if (at == SIZE_MAX) {
            break;
        }
        rest = str_sub(rest, at + 2, rest.len);
        size_t end = str_find(rest, STR("}}"));
        ASSERT(end != SIZE_MAX);
        struct str word = str_sub(rest, 0, end);
        rest = str_sub(rest, end + 2, rest.len);
        expand_word(&out, word, &rest, words);
    }
    (void)buf_add_char(&out, '\0');
    ASSERT(buf_err(&out) == ERR_OK);
    size_t len = 0;
    return buf_detach(&out, &len);
}

enum db_migration_kind db_migration_kind(const struct db_migration *m)
{
    struct str sql = str_from(m->sql);
    return str_starts(sql, STR("-- expand:"))     ? DB_EXPAND
           : str_starts(sql, STR("-- contract:")) ? DB_CONTRACT
                                                  : DB_PLAIN;
}

int db_migration_oldest(const struct db_migration *m, int before)
{
    return db_migration_kind(m) == DB_EXPAND ? before : m->number;
}

static enum err decide_one(const struct db_migration *m, const struct db_applied *applied,
                           struct errinfo *info)
{
    char hash[65];
    db_migration_hash(m->sql, hash);
    return strcmp(hash, applied->sha256) == 0
               ? ERR_OK
               : err_set(info, ERR_CONFLICT, "db", "migration_changed",
                         "migration %04d_%s was changed after it was applied here: this program "
                         "and this database do not belong together",
                         m->number, m->name);
}

enum err db_migrate_decide(const struct db_migration *migrations, size_t n,
                           const struct db_state *state, size_t *n_done_out, struct errinfo *info)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < state->n_applied && err == ERR_OK; i++) {
        if (state->applied[i].number != (int)i + 1) {
            err =
                err_set(info, ERR_CONFLICT, "db", "migration_gap",
                        "the database lacks migration %zu although later ones were applied", i + 1);
        } else if (i < n) {
            err = decide_one(&migrations[i], &state->applied[i], info);
        }
    }
    if (err == ERR_OK && state->n_applied > n && state->oldest_program > (int)n) {
        const struct db_applied *first = &state->applied[n];
        err = err_set(info, ERR_CONFLICT, "db", "newer_database",
                      "the database is newer than this program can work with (it has migration "
                      "%04d_%s): start the newer version",
                      first->number, first->name);
    }
    if (err == ERR_OK) {
        *n_done_out = state->n_applied < n ? state->n_applied : n;
    }
    return err;
}

enum err db_migrate_bound(const struct db_migration *migrations, size_t n, size_t n_done,
                          bool is_shared, size_t *end_out, struct errinfo *info)
{
    size_t end = n_done;
    bool waits = is_shared && n_done > 0;
    while (end < n && !(waits && db_migration_kind(&migrations[end]) == DB_CONTRACT)) {
        end++;
    }
    for (size_t i = end; i < n; i++) {
        if (db_migration_kind(&migrations[i]) != DB_CONTRACT) {
            return err_set(info, ERR_CONFLICT, "db", "contract_first",
                           "migration %04d_%s takes away what older versions use, and this version "
                           "needs it: stop their nodes, then `stablehand schema --contract`",
                           migrations[end].number, migrations[end].name);
        }
    }
    *end_out = end;
    return ERR_OK;
}
