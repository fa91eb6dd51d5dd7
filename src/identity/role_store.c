#include "identity/role_store.h"

#define ROLE_COLUMNS                                                                               \
    "r.id, r.key, r.name, r.requires_totp, r.version, (SELECT COUNT(*) FROM agents a WHERE "       \
    "a.role_id = r.id AND a.is_active = 1)"

static void read_role(const struct db_rows *rows, struct arena *arena, struct role *out)
{
    out->id.v = db_rows_i64(rows, 0);
    out->key = db_rows_dup(rows, 1, arena);
    out->name = db_rows_dup(rows, 2, arena);
    out->requires_totp = db_rows_i64(rows, 3) != 0;
    out->version = db_rows_i64(rows, 4);
    out->n_agents = db_rows_i64(rows, 5);
}

enum err role_store_permissions(struct db_txn *txn, struct role_id id, struct permission_set *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY(
        txn, &rows, "SELECT permission FROM role_permissions WHERE role_id = $1", db_id(id.v));
    if (err != ERR_OK) {
        return err;
    }
    struct permission_set set = {0};
    while (db_rows_next(rows)) {
        enum permission p;
        if (permission_parse(db_rows_str(rows, 0),
                             &p)) { /* others: of a newer program that ran on this database */
            set = permission_set_with(set, p);
        }
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = set;
    }
    return err;
}

enum err role_store_list(struct db_txn *txn, struct arena *arena, struct role **out, size_t *n_out)
{
    int64_t n_roles = 0;
    enum err err = db_query_i64(txn, "SELECT COUNT(*) FROM roles", NULL, 0, &n_roles);
    struct db_rows *rows = NULL;
    if (err == ERR_OK) {
        err = db_query(txn, "SELECT " ROLE_COLUMNS " FROM roles r ORDER BY r.id", NULL, 0, &rows);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct role *roles = ARENA_ARRAY(arena, struct role, (size_t)n_roles + 1);
    size_t n = 0;
    while (n < (size_t)n_roles && db_rows_next(rows)) {
        read_role(rows, arena, &roles[n++]);
    }
    err = db_rows_close(&rows);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = role_store_permissions(txn, roles[i].id, &roles[i].permissions);
    }
    if (err == ERR_OK) {
        *out = roles;
        *n_out = n;
    }
    return err;
}

enum err role_store_load(struct db_txn *txn, struct role_id id, struct arena *arena,
                         struct role *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT " ROLE_COLUMNS " FROM roles r WHERE r.id = $1",
                                db_id(id.v));
    if (err != ERR_OK) {
        return err;
    }
    struct role role = {0};
    read_role(rows, arena, &role);
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        err = role_store_permissions(txn, id, &role.permissions);
    }
    if (err == ERR_OK) {
        *out = role;
    }
    return err;
}

enum err role_store_find_key(struct db_txn *txn, struct str key, struct role_id *out)
{
    return DB_QUERY_I64(txn, &out->v, "SELECT id FROM roles WHERE key = $1", db_text(key));
}

static enum err insert_permissions(struct db_txn *txn, struct role_id id, struct permission_set set)
{
    enum err err = ERR_OK;
    for (int p = 0; p < PERM_COUNT && err == ERR_OK; p++) {
        if (permission_set_has(set, (enum permission)p)) {
            err = DB_EXEC(txn,
                          "INSERT INTO role_permissions (role_id, permission) VALUES ($1, $2) ON "
                          "CONFLICT DO NOTHING",
                          db_id(id.v), db_text(str_from(permission_get((enum permission)p)->name)));
        }
    }
    return err;
}

enum err role_store_insert(struct db_txn *txn, const struct role *role, struct role_id *out)
{
    struct role_id id = {0};
    enum err err = DB_QUERY_I64(
        txn, &id.v, "INSERT INTO roles (name, requires_totp) VALUES ($1, $2) RETURNING id",
        db_text(role->name), db_bool(role->requires_totp));
    if (err == ERR_OK) {
        err = insert_permissions(txn, id, role->permissions);
    }
    if (err == ERR_OK) {
        *out = id;
    }
    return err;
}

enum err role_store_update(struct db_txn *txn, const struct role *role)
{
    enum err err = DB_EXEC(
        txn, "UPDATE roles SET name = $1, requires_totp = $2, version = version + 1 WHERE id = $3",
        db_text(role->name), db_bool(role->requires_totp), db_id(role->id.v));
    if (err == ERR_OK) {
        err = DB_EXEC(txn, "DELETE FROM role_permissions WHERE role_id = $1", db_id(role->id.v));
    }
    return err == ERR_OK ? insert_permissions(txn, role->id, role->permissions) : err;
}

enum err role_store_delete(struct db_txn *txn, struct role_id id)
{
    return DB_EXEC(txn, "DELETE FROM roles WHERE id = $1", db_id(id.v));
}

enum err role_store_name_is_free(struct db_txn *txn, struct str name, struct role_id except,
                                 bool *out)
{
    int64_t n = 0;
    enum err err = DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM roles WHERE name = $1 AND id <> $2",
                                db_text(name), db_i64(except.v));
    if (err == ERR_OK) {
        *out = n == 0;
    }
    return err;
}

enum err role_store_complete_owner(struct db_txn *txn)
{
    struct role_id owner = {0};
    enum err err = role_store_find_key(txn, STR("owner"), &owner);
    return err == ERR_OK ? insert_permissions(txn, owner, permission_set_all()) : err;
}
