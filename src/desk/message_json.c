/* The one place that writes messages and files as clients get them: HTTP answers, event payloads and replays are the same bytes. */
#include "desk/message_store.h"

void file_write_json(struct json_writer *w, const struct file *f)
{
    json_object_begin(w);
    json_kv_id(w, "id", f->id.v);
    json_kv_str(w, "name", f->name);
    json_kv_str(w, "content_type", f->content_type);
    json_kv_i64(w, "size", f->size);
    json_kv_str(w, "sha256", f->sha256);
    json_kv_bool(w, "is_image", f->is_image);
    json_put_key(w, "width");
    if (f->width > 0) {
        json_put_i64(w, f->width);
    } else {
        json_put_null(w);
    }
    json_put_key(w, "height");
    if (f->height > 0) {
        json_put_i64(w, f->height);
    } else {
        json_put_null(w);
    }
    json_object_end(w);
}

void message_write_json(struct json_writer *w, const struct message *m)
{
    bool is_deleted = m->deleted_at != 0;
    json_object_begin(w);
    json_kv_id(w, "id", m->id.v);
    json_kv_id(w, "conversation_id", m->conversation.v);
    json_kv_i64(w, "seq", m->seq);
    json_kv_opt_str(w, "client_id", m->client_id);
    json_put_key(w, "author");
    json_object_begin(w);
    json_kv_cstr(w, "kind", author_kind_name(m->author_kind));
    json_kv_id(w, "id", m->author_id);
    json_kv_str(w, "name", m->author_name);
    json_object_end(w);
    json_kv_cstr(w, "kind", message_kind_name(m->kind));
    json_kv_str(w, "body", is_deleted ? STR("") : m->body);
    json_kv_id(w, "reply_to", m->reply_to.v);
    json_put_key(w, "files");
    json_array_begin(w);
    for (size_t i = 0; i < m->n_files && !is_deleted; i++) {
        file_write_json(w, &m->files[i]);
    }
    json_array_end(w);
    json_kv_raw(w, "mentions", str_is_empty(m->mentions) ? STR("[]") : m->mentions);
    json_kv_raw(w, "meta", str_is_empty(m->meta) || is_deleted ? STR("null") : m->meta);
    json_kv_time(w, "created_at", m->created_at);
    json_kv_time(w, "edited_at", m->edited_at);
    json_kv_time(w, "deleted_at", m->deleted_at);
    json_object_end(w);
}
