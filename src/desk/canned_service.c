#include "desk/canned.h"

struct job {
    const struct request *rq;
    struct canned c;
    struct errinfo *info;
};

static enum err create_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    enum err err = DB_QUERY_I64(txn, &j->c.id,
                                "INSERT INTO canned (shortcut, language, title, body, version) "
                                "VALUES ($1, $2, $3, $4, 1) ON CONFLICT DO NOTHING RETURNING id",
                                db_text(j->c.shortcut), db_text(j->c.language), db_text(j->c.title),
                                db_text(j->c.body));
    return err == ERR_NOT_FOUND ? err_set(j->info, ERR_CONFLICT, "shortcut", "taken",
                                          "there is one with this shortcut and language")
                                : err;
}

enum err canned_create(struct desk *desk, const struct actor *actor, struct canned *c,
                       struct errinfo *info)
{
    struct job j = {.c = *c, .info = info};
    enum err err = actor_require(actor, PERM_CANNED_MANAGE, info);
    err = err != ERR_OK ? err : db_write(desk->db, create_fn, &j);
    c->id = j.c.id;
    c->version = 1;
    return err;
}

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    int64_t version = 0;
    enum err err =
        DB_QUERY_I64(txn, &version, "SELECT version FROM canned WHERE id = $1", db_i64(j->c.id));
    if (err == ERR_NOT_FOUND) {
        return err_set(j->info, err, "id", "not_found", "no such canned reply");
    }
    err = err != ERR_OK ? err : request_if_match(j->rq, version, j->info);
    if (err != ERR_OK) {
        return err;
    }
    j->c.version = version + 1;
    err = DB_EXEC(txn,
                  "UPDATE canned SET shortcut = $2, language = $3, title = $4, body = $5, version "
                  "= $6 WHERE id = $1",
                  db_i64(j->c.id), db_text(j->c.shortcut), db_text(j->c.language),
                  db_text(j->c.title), db_text(j->c.body), db_i64(j->c.version));
    return err == ERR_CONFLICT ? err_set(j->info, err, "shortcut", "taken",
                                         "there is one with this shortcut and language")
                               : err;
}

enum err canned_update(struct desk *desk, const struct actor *actor, const struct request *rq,
                       struct canned *c, struct errinfo *info)
{
    struct job j = {.rq = rq, .c = *c, .info = info};
    enum err err = actor_require(actor, PERM_CANNED_MANAGE, info);
    err = err != ERR_OK ? err : db_write(desk->db, update_fn, &j);
    c->version = j.c.version;
    return err;
}

static enum err delete_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    int64_t n = 0;
    enum err err = db_exec(txn, "DELETE FROM canned WHERE id = $1", DB_ARGS(db_i64(j->c.id)), &n);
    return err == ERR_OK && n == 0
               ? err_set(j->info, ERR_NOT_FOUND, "id", "not_found", "no such canned reply")
               : err;
}

enum err canned_delete(struct desk *desk, const struct actor *actor, int64_t id,
                       struct errinfo *info)
{
    struct job j = {.c = {.id = id}, .info = info};
    enum err err = actor_require(actor, PERM_CANNED_MANAGE, info);
    return err != ERR_OK ? err : db_write(desk->db, delete_fn, &j);
}

enum err desk_canned_create(struct desk *desk, struct str shortcut, struct str language,
                            struct str title, struct str body)
{
    struct canned c = {.shortcut = shortcut, .language = language, .title = title, .body = body};
    return canned_create(desk, actor_system(), &c, NULL);
}
