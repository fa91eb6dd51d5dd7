/* What comes from outside as a message: fields, limits, clean text. Runs before the transaction, on whichever thread decoded the request or frame. */
#include "base/utf8.h"
#include "desk/message_service.h"

static enum err decode_ids(const struct json *o, const char *key, size_t max, int64_t *out,
                           size_t *n_out, struct errinfo *info)
{
    const struct json *list = json_find(o, key);
    *n_out = 0;
    if (list == NULL || json_is_null(list)) {
        return ERR_OK;
    }
    if (!json_is_array(list)) {
        return err_set(info, ERR_INVALID, key, "type", "must be a list of ids");
    }
    if (json_len(list) > max) {
        return err_set(info, ERR_INVALID, key, "too_long", "at most %zu", max);
    }
    for (const struct json *v = json_first(list); v != NULL; v = json_next(v)) {
        int64_t id = 0;
        if (!json_is_string(v) || !str_to_i64(json_str(v), &id) || id <= 0) {
            return err_set(info, ERR_INVALID, key, "format", "must be a list of ids");
        }
        bool is_repeated = false;
        for (size_t i = 0; i < *n_out; i++) {
            is_repeated |= out[i] == id;
        }
        if (!is_repeated) {
            out[(*n_out)++] = id;
        }
    }
    return ERR_OK;
}

static enum err decode_agent_part(const struct json *o, struct message_in *in, struct errinfo *info)
{
    static const char *const kinds[] = {"public", "note", NULL};
    static const char *const thens[] = {"resolve", "wait", NULL};
    int kind = 0;
    enum err err = json_get_enum(o, "kind", kinds, &kind, info);
    in->kind = kind == 0 ? MESSAGE_PUBLIC : MESSAGE_NOTE;
    if (err == ERR_OK) {
        err = json_opt_i64(o, "expect_seq", 0, INT64_MAX / 2, -1, &in->expect_seq, info);
    }
    int64_t mentions[MESSAGE_MAX_MENTIONS];
    if (err == ERR_OK) {
        err = decode_ids(o, "mentions", MESSAGE_MAX_MENTIONS, mentions, &in->n_mentions, info);
    }
    for (size_t i = 0; i < in->n_mentions && err == ERR_OK; i++) {
        in->mentions[i].v = mentions[i];
    }
    const struct json *then = json_find(o, "then");
    if (err == ERR_OK && then != NULL && !json_is_null(then)) {
        int word = 0;
        err = json_get_enum(o, "then", thens, &word, info);
        in->then = word == 0 ? THEN_RESOLVE : THEN_WAIT;
    }
    if (err == ERR_OK && in->kind == MESSAGE_PUBLIC && in->n_mentions > 0) {
        err = err_set(info, ERR_INVALID, "mentions", "note_only",
                      "colleagues are mentioned in notes, not before the customer");
    }
    return err;
}

enum err message_in_decode(const struct json *o, bool is_agent, struct arena *arena,
                           struct message_in *in, struct errinfo *info)
{
    if (!json_is_object(o)) {
        return err_set(info, ERR_INVALID, "message", "type", "must be an object");
    }
    in->expect_seq = -1;
    enum err err = json_get_str(o, "client_id", MESSAGE_CLIENT_ID_MIN, MESSAGE_CLIENT_ID_MAX,
                                &in->client_id, info);
    size_t max_body = is_agent ? MESSAGE_MAX_AGENT : MESSAGE_MAX_CUSTOMER;
    const struct json *body = json_find(o, "body");
    if (err == ERR_OK && body != NULL && !json_is_null(body)) {
        /* Not json_get_str: it refuses control characters, which message_clean takes out of what people paste. */
        if (!json_is_string(body)) {
            return err_set(info, ERR_INVALID, "body", "type", "must be text");
        }
        in->body = json_str(body);
    }
    if (err == ERR_OK) {
        err = json_opt_id(o, "reply_to", &in->reply_to.v, info);
    }
    int64_t files[MESSAGE_MAX_FILES];
    if (err == ERR_OK) {
        err = decode_ids(o, "file_ids", MESSAGE_MAX_FILES, files, &in->n_files, info);
    }
    for (size_t i = 0; i < in->n_files && err == ERR_OK; i++) {
        in->files[i].v = files[i];
    }
    if (err == ERR_OK) {
        err = is_agent ? decode_agent_part(o, in, info)
                       : json_opt_str(o, "button", 80, &in->button, info);
    }
    if (err == ERR_OK && !is_agent) {
        err = json_opt_str(o, "topic", 60, &in->topic, info);
    }
    return err != ERR_OK ? err : message_in_prepare(arena, in, max_body, info);
}

enum err message_in_prepare(struct arena *arena, struct message_in *in, size_t max_body,
                            struct errinfo *info)
{
    if (!message_client_id_is_valid(in->client_id)) {
        return err_set(info, ERR_INVALID, "client_id", "format", "8 to 64 of A-Z a-z 0-9 _ -");
    }
    if (in->body.len > max_body * 4) {
        return err_set(info, ERR_INVALID, "body", "too_long", "at most %zu characters", max_body);
    }
    in->body = message_clean(arena, in->body);
    if (in->body.len > max_body && utf8_count(in->body) > max_body) {
        return err_set(info, ERR_INVALID, "body", "too_long", "at most %zu characters", max_body);
    }
    if (!str_is_empty(in->button)) {
        if (!message_button_is_valid(in->button)) {
            return err_set(info, ERR_INVALID, "button", "format", "no such button");
        }
        /* Its characters need no escaping. */
        in->meta = str_printf(arena, "{\"button\":\"" STR_FMT "\"}", STR_ARG(in->button));
    }
    if (str_is_empty(in->body) && in->n_files == 0 && str_is_empty(in->button)) {
        return err_set(info, ERR_INVALID, "body", "required", "nothing to send");
    }
    in->preview = message_preview(arena, in->body, (int)in->n_files);
    return ERR_OK;
}
