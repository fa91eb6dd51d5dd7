#include "desk/conversation_use.h"
#include "desk/desk_routes.gen.h"

#include "desk/message.h"

static struct conversation_id id_of(const struct request *rq, enum err *err, struct errinfo *info)
{
    struct conversation_id id = {0};
    *err = request_param_id(rq, "id", &id.v, info);
    return id;
}

static enum err answer_head(struct response *rs, enum err err, struct str head)
{
    if (err == ERR_OK) {
        json_put_raw(response_json(rs), head);
    }
    return err;
}

enum err conversation_http_list_of_customer(struct request *rq, struct response *rs,
                                            struct errinfo *info)
{
    struct customer_id customer = {0};
    struct page page;
    enum err err = request_param_id(rq, "id", &customer.v, info);
    if (err == ERR_OK) {
        err = request_page(rq, &page, info);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    err = conversation_read_of_customer(rq->room, request_actor(rq), customer, page.after,
                                        (size_t)page.limit, rq->arena, w, info);
    json_object_end(w);
    return err;
}

static bool word_index(const char *const *words, struct str s, int *out)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (str_eq_cstr(s, words[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

enum err conversation_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    static const char *const sorts[] = {"recent", "waiting", NULL};
    struct page page;
    struct str view = request_query(rq, "view"), sort = request_query(rq, "sort"),
               team = request_query(rq, "team_id");
    int view_index = VIEW_MINE, sort_index = 0;
    struct conversation_list_request q = {0};
    if (view.len > 0 && !word_index(conversation_view_words, view, &view_index)) {
        return err_set(info, ERR_INVALID, "view", "format", "no such view");
    }
    if (sort.len > 0 && !word_index(sorts, sort, &sort_index)) {
        return err_set(info, ERR_INVALID, "sort", "format", "recent or waiting");
    }
    if (team.len > 0 && (!str_to_i64(team, &q.team.v) || q.team.v <= 0)) {
        return err_set(info, ERR_INVALID, "team_id", "format", "an id");
    }
    enum err err = request_page(rq, &page, info);
    if (err != ERR_OK) {
        return err;
    }
    q.view = (enum conversation_view)view_index;
    q.by_waiting = sort_index == 1;
    q.after = page.after;
    q.after_id = page.after2;
    q.limit = (size_t)page.limit;
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    err = conversation_read_list(rq->room, request_actor(rq), &q, rq->arena, w, info);
    json_object_end(w);
    return err;
}

enum err conversation_http_counts(struct request *rq, struct response *rs, struct errinfo *info)
{
    return conversation_read_counts(rq->room, request_actor(rq), rq->arena, response_json(rs),
                                    info);
}

enum err conversation_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    enum err err = ERR_OK;
    int64_t version = 0;
    struct conversation_id id = id_of(rq, &err, info);
    if (err == ERR_OK) {
        err = conversation_read_one(rq->room, request_actor(rq), id, rq->arena, response_json(rs),
                                    &version, info);
    }
    if (err == ERR_OK) {
        response_etag(rs, version);
    }
    return err;
}

static enum err decode_tags(const struct json *o, struct arena *arena, struct str *out,
                            struct errinfo *info)
{
    const struct json *list = json_find(o, "tags");
    if (!json_is_array(list) || json_len(list) > 20) {
        return err_set(info, ERR_INVALID, "tags", json_is_array(list) ? "too_long" : "type",
                       "a list of at most 20");
    }
    BUF_AUTO b;
    buf_init(&b, 8192);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_array_begin(&w);
    for (const struct json *v = json_first(list); v != NULL; v = json_next(v)) {
        struct str tag = message_clean_line(arena, json_str(v));
        if (!json_is_string(v) || tag.len == 0 || tag.len > 160) {
            return err_set(info, ERR_INVALID, "tags", "format", "1 to 40 characters each");
        }
        json_put_str(&w, tag);
    }
    json_array_end(&w);
    *out = str_dup(arena, buf_str(&b));
    return buf_err(&b);
}

/* The version is compared inside the transaction; -1: whatever it is. */
static enum err if_match(const struct request *rq, int64_t *version_out, struct errinfo *info)
{
    struct str given = request_header(rq, "if-match");
    if (given.len == 0) {
        return err_set(info, ERR_INVALID, "If-Match", "if_match_required",
                       "send the ETag you are changing in If-Match");
    }
    *version_out = -1;
    if (str_eq_cstr(given, "*")) {
        return ERR_OK;
    }
    if (given.len < 4 || !str_starts(given, STR("\"v")) ||
        !str_to_i64(str_sub(given, 2, given.len - 3), version_out)) {
        return err_set(info, ERR_CONFLICT, "If-Match", "version_mismatch", "no such version");
    }
    return ERR_OK;
}

enum err conversation_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    enum err err = ERR_OK;
    const struct json *o = NULL;
    struct str topic = {0}, language = {0}, tags = {0}, head = {0};
    struct conversation_patch patch = {.priority = -1};
    struct conversation_id id = id_of(rq, &err, info);
    if (err == ERR_OK) {
        err = request_json(rq, &o, info);
    }
    if (err == ERR_OK && json_find(o, "priority") != NULL) {
        err = json_get_enum(o, "priority", conversation_priority_words, &patch.priority, info);
    }
    if (err == ERR_OK && json_find(o, "topic") != NULL) {
        err = json_get_str(o, "topic", 0, 60, &topic, info);
        topic = message_clean_line(rq->arena, topic);
        patch.topic = &topic;
    }
    if (err == ERR_OK && json_find(o, "language") != NULL) {
        err = json_get_str(o, "language", 0, 20, &language, info);
        patch.language = &language;
    }
    if (err == ERR_OK && json_find(o, "tags") != NULL) {
        err = decode_tags(o, rq->arena, &tags, info);
        patch.tags = &tags;
    }
    int64_t version = 0;
    if (err == ERR_OK) {
        err = if_match(rq, &version, info);
    }
    if (err == ERR_OK) {
        err = conversation_update(rq->room, request_actor(rq), id, version, &patch, rq->arena,
                                  &head, info);
    }
    return answer_head(rs, err, head);
}

enum err conversation_http_set_state(struct request *rq, struct response *rs, struct errinfo *info)
{
    enum err err = ERR_OK;
    const struct json *o = NULL;
    struct str until = {0}, head = {0};
    int state = 0;
    int64_t until_at = 0;
    struct conversation_id id = id_of(rq, &err, info);
    if (err == ERR_OK) {
        err = request_json(rq, &o, info);
    }
    if (err == ERR_OK) {
        err = json_get_enum(o, "state", conversation_state_words, &state, info);
    }
    if (err == ERR_OK) {
        err = json_opt_str(o, "snoozed_until", 40, &until, info);
    }
    if (err == ERR_OK && until.len > 0 && time_parse(until, &until_at) != ERR_OK) {
        err = err_set(info, ERR_INVALID, "snoozed_until", "format", "RFC 3339");
    }
    if (err == ERR_OK) {
        err =
            conversation_set_state(rq->room, request_actor(rq), id, (enum conversation_state)state,
                                   until_at, rq->arena, &head, info);
    }
    return answer_head(rs, err, head);
}

enum err conversation_http_assign(struct request *rq, struct response *rs, struct errinfo *info)
{
    enum err err = ERR_OK;
    const struct json *o = NULL;
    struct str head = {0};
    struct agent_id agent = {0};
    struct team_id team = {0};
    struct conversation_id id = id_of(rq, &err, info);
    if (err == ERR_OK) {
        err = request_json(rq, &o, info);
    }
    if (err == ERR_OK) {
        err = json_opt_id(o, "agent_id", &agent.v, info);
    }
    if (err == ERR_OK) {
        err = json_opt_id(o, "team_id", &team.v, info);
    }
    if (err == ERR_OK) {
        err = conversation_assign(rq->room, request_actor(rq), id, agent, team,
                                  json_find(o, "team_id") != NULL, rq->arena, &head, info);
    }
    return answer_head(rs, err, head);
}

enum err conversation_http_events(struct request *rq, struct response *rs, struct errinfo *info)
{
    enum err err = ERR_OK;
    int64_t after = 0, limit = 0;
    struct conversation_id id = id_of(rq, &err, info);
    if (err == ERR_OK) {
        err = request_query_i64(rq, "after", 0, INT64_MAX / 2, 0, &after, info);
    }
    if (err == ERR_OK) {
        err = request_query_i64(rq, "limit", 1, 100, 30, &limit, info);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    err = conversation_read_events(rq->room, request_actor(rq), id, after, (size_t)limit, rq->arena,
                                   w, info);
    json_object_end(w);
    return err;
}

enum err conversation_http_read(struct request *rq, struct response *rs, struct errinfo *info)
{
    enum err err = ERR_OK;
    const struct json *o = NULL;
    int64_t seq = 0;
    struct conversation_id id = id_of(rq, &err, info);
    if (err == ERR_OK) {
        err = request_json(rq, &o, info);
    }
    if (err == ERR_OK) {
        err = json_get_i64(o, "seq", 0, INT64_MAX / 2, &seq, info);
    }
    if (err == ERR_OK) {
        err = conversation_mark_read(rq->room, request_actor(rq), id, seq, info);
    }
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}
