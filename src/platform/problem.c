#include "platform/problem.h"

#include "base/check.h"

static const struct {
    const char *code;
    int status;
} by_code[] = {
    {"too_large", 413},
    {"rate_limited", 429},
    {"version_mismatch", 412},
    {"if_match_required", 428},
    {"method_not_allowed", 405},
    {"upgrade_required", 426},
    {"unsupported_media_type", 415},
    {"request_timeout", 408},
    {"idempotency_mismatch", 422},
    {"events_pruned", 410},
};

static const int by_err[] = {
    [ERR_OK] = 200,      [ERR_INVALID] = 400,      [ERR_NOT_FOUND] = 404, [ERR_CONFLICT] = 409,
    [ERR_DENIED] = 403,  [ERR_UNAUTHORIZED] = 401, [ERR_LIMIT] = 429,     [ERR_AGAIN] = 503,
    [ERR_TIMEOUT] = 504, [ERR_UNAVAILABLE] = 503,  [ERR_PROTOCOL] = 502,  [ERR_INTERNAL] = 500,
    [ERR_UNKNOWN] = 503,
};

int problem_status(enum err err, const struct errinfo *info)
{
    if (info && err != ERR_INTERNAL) {
        for (size_t i = 0; i < ARRAY_LEN(by_code); i++) {
            if (strcmp(info->code, by_code[i].code) == 0) {
                return by_code[i].status;
            }
        }
    }
    return (size_t)err < ARRAY_LEN(by_err) ? by_err[err] : 500;
}

int64_t problem_retry_after_s(int status, const struct errinfo *info)
{
    if (info != NULL && info->retry_after_ms > 0) {
        return (info->retry_after_ms + 999) / 1000;
    }
    return status == 429 || status == 503 ? 1 : 0;
}

const char *problem_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Error";
}

void problem_write(struct json_writer *w, int status, enum err err, const struct errinfo *info,
                   uint64_t request_id)
{
    bool is_ours = err == ERR_INTERNAL || status == 500;
    bool has_code = info && info->code[0] && !is_ours;
    const char *code = has_code ? info->code : err_name(err);
    json_object_begin(w);
    json_kv_cstr(w, "type", "about:blank");
    json_kv_cstr(w, "title", problem_title(status));
    json_kv_i64(w, "status", status);
    json_kv_cstr(w, "code", code);
    if (info && info->message[0] && !is_ours) {
        json_kv_cstr(w, "detail", info->message);
    }
    json_put_key(w, "errors");
    json_array_begin(w);
    if (info && info->field[0] && !is_ours) {
        json_object_begin(w);
        json_kv_cstr(w, "field", info->field);
        json_kv_cstr(w, "code", code);
        json_kv_cstr(w, "message", info->message);
        json_object_end(w);
    }
    json_array_end(w);
    if (request_id) {
        char id[32];
        int n = snprintf(id, sizeof(id), "%016llx", (unsigned long long)request_id);
        json_kv_str(w, "request_id", (struct str){id, (size_t)n});
    }
    json_object_end(w);
}
