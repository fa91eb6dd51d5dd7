#include "desk/file_service.h"

#include <stdio.h>
#include <sys/stat.h>

#include "desk/file_type.h"

#define HEAD_MAX (64 * 1024)

/* ---- uploading ---- */

struct saving {
    struct desk *desk;
    const struct upload *u;
    struct file *file;
    struct errinfo *info;
};

static enum err save_fn(struct db_txn *txn, void *arg)
{
    struct saving *s = arg;
    struct conversation c;
    enum err err = ERR_OK;
    if (s->u->actor != NULL) {
        err = conversation_load_for(txn, s->u->actor, s->u->conversation, db_txn_arena(txn), &c,
                                    s->info);
    }
    return err != ERR_OK ? err : file_insert(txn, s->file, desk_now(s->desk));
}

static enum err read_head(const char *path, struct arena *arena, struct str *head_out,
                          int64_t *size_out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return ERR_INTERNAL;
    }
    struct stat st;
    char *p = arena_alloc(arena, HEAD_MAX);
    size_t n = fread(p, 1, HEAD_MAX, f);
    bool good = fstat(fileno(f), &st) == 0 && ferror(f) == 0;
    (void)fclose(f);
    if (!good) {
        return ERR_INTERNAL;
    }
    *head_out = (struct str){p, n};
    *size_out = (int64_t)st.st_size;
    return ERR_OK;
}

static enum err look(const struct upload *u, struct arena *arena, struct file *out,
                     struct errinfo *info)
{
    struct str head = str_sub(u->bytes, 0, HEAD_MAX);
    int64_t size = (int64_t)u->bytes.len;
    enum err err = u->path != NULL ? read_head(u->path, arena, &head, &size) : ERR_OK;
    if (err != ERR_OK) {
        return err;
    }
    if (size == 0) {
        return err_set(info, ERR_INVALID, "body", "required", "the file is empty");
    }
    if (size > (int64_t)u->max) {
        return err_set(info, ERR_LIMIT, "body", "too_large", "at most %zu bytes", u->max);
    }
    struct file_type type = file_type_of(head, size <= (int64_t)head.len);
    if (type.content_type == NULL) {
        return err_set(info, ERR_INVALID, "body", "type",
                       "pictures, PDF, video, audio, ZIP and text are accepted");
    }
    out->content_type = str_from(type.content_type);
    out->is_image = type.is_image;
    out->width = type.width;
    out->height = type.height;
    out->size = size;
    return ERR_OK;
}

enum err file_upload(struct desk *desk, const struct upload *u, struct arena *arena,
                     struct file *out, struct errinfo *info)
{
    struct file f = {.customer = u->customer, .conversation = u->conversation};
    char sha256[65];
    int64_t size = 0;
    enum err err = ERR_OK;
    if (u->actor != NULL) {
        f.agent = u->actor->agent;
        err = actor_require(u->actor, PERM_CONVERSATION_REPLY, info);
    }
    err = err != ERR_OK ? err : look(u, arena, &f, info);
    if (err != ERR_OK) {
        return err;
    }
    f.name = file_name_clean(arena, u->name);
    struct errinfo cause = {0};
    err = u->path != NULL ? desk->files->ops->put_path(desk->files, u->path, sha256, &size, &cause)
                          : desk->files->ops->put(desk->files, u->bytes, sha256, &cause);
    if (err != ERR_OK) {
        return files_failed(err, &cause, info);
    }
    f.sha256 = str_dup(arena, str_from(sha256));
    struct saving s = {desk, u, &f, info};
    err = db_write(desk->db, save_fn, &s);
    if (err == ERR_OK) {
        *out = f;
    }
    return err;
}

/* ---- handing out ---- */

enum err file_respond(struct desk *desk, const struct file *f, bool wants_inline,
                      struct response *rs, struct errinfo *info)
{
    struct blob blob = {0};
    struct errinfo cause = {0};
    struct arena *arena = response_arena(rs);
    enum err err = desk->files->ops->open(desk->files, f->sha256, f->size, arena, &blob, &cause);
    if (err != ERR_OK) {
        return files_failed(err, &cause, info);
    }
    bool is_inline = wants_inline && f->is_image;
    response_header(rs, "Content-Disposition", file_disposition(arena, f->name, is_inline));
    response_header(rs, "Content-Security-Policy", STR("default-src 'none'; sandbox"));
    response_header(rs, "Cross-Origin-Resource-Policy", STR("same-origin"));
    response_header(rs, "Cache-Control", STR("private, max-age=86400, immutable"));
    response_header(rs, "ETag", str_printf(arena, "\"" STR_FMT "\"", STR_ARG(f->sha256)));
    response_blob(rs,
                  is_inline                                   ? f->content_type
                  : str_starts(f->content_type, STR("text/")) ? STR("text/plain; charset=utf-8")
                                                              : f->content_type,
                  &blob);
    return ERR_OK;
}

struct loading {
    const struct actor *actor;
    struct customer_id customer;
    struct file_id id;
    struct arena *arena;
    struct file *out;
    struct errinfo *info;
};

static enum err load_for_agent_fn(struct db_txn *txn, void *arg)
{
    struct loading *l = arg;
    struct conversation c;
    enum err err = file_load(txn, l->id, l->arena, l->out);
    if (err == ERR_OK && l->out->conversation.v == 0) {
        err = ERR_NOT_FOUND; /* a visitor's that was never sent */
    }
    if (err == ERR_OK) {
        err = conversation_load_for(txn, l->actor, l->out->conversation, l->arena, &c, NULL);
    }
    if (err == ERR_OK && l->out->message.v != 0) {
        struct message m;
        err = message_load(txn, l->out->message, l->arena, &m);
        err = err == ERR_OK && m.deleted_at != 0 ? ERR_NOT_FOUND : err;
    }
    return err == ERR_NOT_FOUND ? err_set(l->info, err, "id", "not_found", "no such file") : err;
}

enum err file_load_for_agent(struct desk *desk, const struct actor *actor, struct file_id id,
                             struct arena *arena, struct file *out, struct errinfo *info)
{
    struct loading l = {.actor = actor, .id = id, .arena = arena, .out = out, .info = info};
    enum err err = actor_require(actor, PERM_CONVERSATION_READ, info);
    return err != ERR_OK ? err : db_read(desk->db, load_for_agent_fn, &l);
}

static enum err load_for_customer_fn(struct db_txn *txn, void *arg)
{
    struct loading *l = arg;
    bool may = false;
    enum err err = file_is_visible_to_customer(txn, l->id, l->customer, &may);
    if (err == ERR_OK) {
        err = may ? file_load(txn, l->id, l->arena, l->out) : ERR_NOT_FOUND;
    }
    return err == ERR_NOT_FOUND ? err_set(l->info, err, "id", "not_found", "no such file") : err;
}

enum err file_load_for_customer(struct desk *desk, struct customer_id customer, struct file_id id,
                                struct arena *arena, struct file *out, struct errinfo *info)
{
    struct loading l = {.customer = customer, .id = id, .arena = arena, .out = out, .info = info};
    return db_read(desk->db, load_for_customer_fn, &l);
}
