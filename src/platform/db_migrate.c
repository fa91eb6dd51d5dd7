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

enum err db_migrate_decide(const struct db_migration *migrations, size_t n,
                           const struct db_applied *applied, size_t n_applied, size_t *n_done_out,
                           struct errinfo *info)
{
    for (size_t i = 0; i < n_applied; i++) {
        if (applied[i].number != (int)i + 1) {
            return err_set(info, ERR_CONFLICT, "db", "migration_gap",
                           "the database lacks migration %zu although later ones were applied",
                           i + 1);
        }
        if (i >= n) {
            return err_set(info, ERR_CONFLICT, "db", "newer_database",
                           "the database is newer than this program (it has migration %04d_%s): "
                           "start the newer version",
                           applied[i].number, applied[i].name);
        }
        char hash[65];
        db_migration_hash(migrations[i].sql, hash);
        if (strcmp(hash, applied[i].sha256) != 0) {
            return err_set(info, ERR_CONFLICT, "db", "migration_changed",
                           "migration %04d_%s was changed after it was applied here: this program "
                           "and this database do not belong together",
                           migrations[i].number, migrations[i].name);
        }
    }
    *n_done_out = n_applied;
    return ERR_OK;
}
