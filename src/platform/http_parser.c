/* The scan goes line by line over a complete head (the caller finds its end first, with one linear search), so there is no state to keep between
 * reads and nothing to allocate. llhttp then reads the same bytes on the stack and must find the same method, version and framing. */
#include "platform/http_parser.h"

#include <llhttp.h>

#include "base/check.h"
#include "base/utf8.h"

static const struct {
    const char *name;
    int status;
} faults[HTTP_FAULTS] = {
    [HTTP_FINE] = {"fine", 200},
    [HTTP_BARE_LF] = {"bare_lf", 400},
    [HTTP_BARE_CR] = {"bare_cr", 400},
    [HTTP_HEAD_TOO_LARGE] = {"head_too_large", 431},
    [HTTP_TOO_MANY_FIELDS] = {"too_many_fields", 431},
    [HTTP_BAD_REQUEST_LINE] = {"bad_request_line", 400},
    [HTTP_BAD_METHOD] = {"bad_method", 501},
    [HTTP_BAD_TARGET] = {"bad_target", 400},
    [HTTP_BAD_VERSION] = {"bad_version", 505},
    [HTTP_OBS_FOLD] = {"obs_fold", 400},
    [HTTP_SPACE_BEFORE_COLON] = {"space_before_colon", 400},
    [HTTP_BAD_FIELD_NAME] = {"bad_field_name", 400},
    [HTTP_BAD_FIELD_VALUE] = {"bad_field_value", 400},
    [HTTP_LENGTH_AND_CHUNKED] = {"length_and_chunked", 400},
    [HTTP_LENGTH_TWICE] = {"length_twice", 400},
    [HTTP_BAD_LENGTH] = {"bad_length", 400},
    [HTTP_BAD_CODING] = {"bad_coding", 400},
    [HTTP_NO_HOST] = {"no_host", 400},
    [HTTP_HOST_TWICE] = {"host_twice", 400},
    [HTTP_BAD_HOST] = {"bad_host", 400},
    [HTTP_BAD_EXPECT] = {"bad_expect", 417},
    [HTTP_READERS_DISAGREE] = {"readers_disagree", 400},
    [HTTP_BAD_CHUNK] = {"bad_chunk", 400},
};

const char *http_fault_name(enum http_fault fault)
{
    ASSERT(fault < HTTP_FAULTS);
    return faults[fault].name;
}

int http_fault_status(enum http_fault fault)
{
    ASSERT(fault < HTTP_FAULTS);
    return faults[fault].status;
}

enum http_fault http_head_find_end(struct str bytes, size_t *scan, size_t *end_out)
{
    *end_out = 0;
    size_t at = *scan;
    while (at < bytes.len) {
        const char *nl = memchr(bytes.p + at, '\n', bytes.len - at);
        if (!nl) {
            break;
        }
        size_t i = (size_t)(nl - bytes.p);
        if (i == 0 || bytes.p[i - 1] != '\r') {
            return HTTP_BARE_LF;
        }
        at = i + 1;
        if (i >= 3 && bytes.p[i - 2] == '\n') {
            *end_out = at;
            return at > HTTP_MAX_HEAD ? HTTP_HEAD_TOO_LARGE : HTTP_FINE;
        }
        if (i == 1) {
            return HTTP_BAD_REQUEST_LINE; /* an empty line where the request should be */
        }
        *scan = at;
    }
    *scan = at > bytes.len ? bytes.len : at;
    return bytes.len > HTTP_MAX_HEAD ? HTTP_HEAD_TOO_LARGE : HTTP_FINE;
}

static bool is_token_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
        return true;
    }
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.p[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static enum http_fault parse_method(struct str word, enum http_method *out)
{
    static const struct {
        const char *name;
        enum http_method method;
    } known[] = {
        {"GET", HTTP_GET_METHOD},         {"POST", HTTP_POST_METHOD},
        {"PUT", HTTP_PUT_METHOD},         {"PATCH", HTTP_PATCH_METHOD},
        {"DELETE", HTTP_DELETE_METHOD},   {"HEAD", HTTP_HEAD_METHOD},
        {"OPTIONS", HTTP_OPTIONS_METHOD},
    };
    if (!is_token(word)) {
        return HTTP_BAD_REQUEST_LINE;
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq_cstr(word, known[i].name)) {
            *out = known[i].method;
            return HTTP_FINE;
        }
    }
    return HTTP_BAD_METHOD;
}

static enum http_fault parse_target(struct http_head *h)
{
    struct str t = h->target;
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < 0x21 || t.p[i] > 0x7e || t.p[i] == '#') {
            return HTTP_BAD_TARGET;
        }
    }
    if (str_eq_cstr(t, "*")) {
        h->path = t;
        return h->method == HTTP_OPTIONS_METHOD ? HTTP_FINE : HTTP_BAD_TARGET;
    }
    if (str_is_empty(t) || t.p[0] != '/') {
        /* The absolute form is for proxies, which we are not; two names of a host in one request are an invitation. */
        return HTTP_BAD_TARGET;
    }
    size_t q = str_find_char(t, '?');
    h->path = q == SIZE_MAX ? t : str_sub(t, 0, q);
    h->query = q == SIZE_MAX ? (struct str){0} : str_sub(t, q + 1, t.len);
    return HTTP_FINE;
}

static enum http_fault parse_request_line(struct str line, struct http_head *h)
{
    size_t sp1 = str_find_char(line, ' ');
    if (sp1 == SIZE_MAX || sp1 == 0) {
        return HTTP_BAD_REQUEST_LINE;
    }
    struct str rest = str_sub(line, sp1 + 1, line.len);
    size_t sp2 = str_find_char(rest, ' ');
    if (sp2 == SIZE_MAX || sp2 == 0) {
        return HTTP_BAD_REQUEST_LINE;
    }
    struct str version = str_sub(rest, sp2 + 1, rest.len);
    enum http_fault fault = parse_method(str_sub(line, 0, sp1), &h->method);
    if (fault != HTTP_FINE) {
        return fault;
    }
    if (str_eq_cstr(version, "HTTP/1.1")) {
        h->minor = 1;
    } else if (str_eq_cstr(version, "HTTP/1.0")) {
        h->minor = 0;
    } else {
        return str_starts(version, STR("HTTP/")) && version.len == 8 ? HTTP_BAD_VERSION
                                                                     : HTTP_BAD_REQUEST_LINE;
    }
    h->target = str_sub(rest, 0, sp2);
    return parse_target(h);
}

static struct str trim_ows(struct str s)
{
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.len--;
    }
    while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

static enum http_fault parse_field(struct str line, struct http_field *out)
{
    if (line.p[0] == ' ' || line.p[0] == '\t') {
        return HTTP_OBS_FOLD;
    }
    size_t colon = str_find_char(line, ':');
    if (colon == SIZE_MAX || colon == 0) {
        return HTTP_BAD_FIELD_NAME;
    }
    out->name = str_sub(line, 0, colon);
    if (line.p[colon - 1] == ' ' || line.p[colon - 1] == '\t') {
        return HTTP_SPACE_BEFORE_COLON;
    }
    if (!is_token(out->name)) {
        return HTTP_BAD_FIELD_NAME;
    }
    out->value = trim_ows(str_sub(line, colon + 1, line.len));
    for (size_t i = 0; i < out->value.len; i++) {
        unsigned char c = (unsigned char)out->value.p[i];
        if (c == '\r') {
            return HTTP_BARE_CR;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return HTTP_BAD_FIELD_VALUE;
        }
    }
    return HTTP_FINE;
}

bool http_list_has(struct str list, const char *word)
{
    struct str part;
    while (str_split(&list, ',', &part)) {
        if (str_eq_nocase(trim_ows(part), str_from(word))) {
            return true;
        }
    }
    return false;
}

/* What the fields of one head say about framing, gathered before any of it is believed. */
struct framing {
    int n_length, n_coding, n_host;
    struct str length, coding, connection, expect;
};

static void note_field(struct http_head *h, struct framing *f, const struct http_field *field)
{
    switch (field->name.len) { /* a cheap first look: most fields are none of these */
    case 4:
        if (str_eq_nocase(field->name, STR("host"))) {
            f->n_host++;
            h->host = field->value;
        }
        break;
    case 6:
        if (str_eq_nocase(field->name, STR("expect"))) {
            f->expect = field->value;
        }
        break;
    case 7:
        if (str_eq_nocase(field->name, STR("upgrade"))) {
            h->wants_upgrade = true;
        }
        break;
    case 10:
        if (str_eq_nocase(field->name, STR("connection"))) {
            f->connection = field->value;
        }
        break;
    case 14:
        if (str_eq_nocase(field->name, STR("content-length"))) {
            f->n_length++;
            f->length = field->value;
        }
        break;
    case 17:
        if (str_eq_nocase(field->name, STR("transfer-encoding"))) {
            f->n_coding++;
            f->coding = field->value;
        }
        break;
    default:
        break;
    }
}

static bool host_is_good(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || !strchr(".-:[]_", c))) {
            return false;
        }
    }
    return host.len > 0 && host.len <= 255;
}

static enum http_fault parse_length(struct str s, int64_t *out)
{
    if (s.len == 0 || s.len > 15) {
        return HTTP_BAD_LENGTH;
    }
    int64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return HTTP_BAD_LENGTH;
        }
        v = v * 10 + (s.p[i] - '0');
    }
    *out = v;
    return HTTP_FINE;
}

static enum http_fault decide_framing(struct http_head *h, const struct framing *f)
{
    if (f->n_coding > 0 && f->n_length > 0) {
        return HTTP_LENGTH_AND_CHUNKED;
    }
    if (f->n_length > 1) {
        return HTTP_LENGTH_TWICE; /* equal values too: the next hop may pick another rule */
    }
    if (f->n_length == 1) {
        enum http_fault fault = parse_length(f->length, &h->content_length);
        if (fault != HTTP_FINE) {
            return fault;
        }
    }
    if (f->n_coding > 0) {
        if (f->n_coding > 1 || h->minor == 0 || !str_eq_nocase(f->coding, STR("chunked"))) {
            return HTTP_BAD_CODING;
        }
        h->is_chunked = true;
    }
    if (f->n_host > 1) {
        return HTTP_HOST_TWICE;
    }
    if (f->n_host == 0 && h->minor == 1) {
        return HTTP_NO_HOST;
    }
    if (f->n_host == 1 && !host_is_good(h->host)) {
        return HTTP_BAD_HOST;
    }
    h->is_keep_alive = h->minor == 1 ? !http_list_has(f->connection, "close")
                                     : http_list_has(f->connection, "keep-alive");
    h->wants_upgrade = h->wants_upgrade && h->minor == 1 && http_list_has(f->connection, "upgrade");
    if (!str_is_empty(f->expect)) {
        if (!str_eq_nocase(f->expect, STR("100-continue"))) {
            return HTTP_BAD_EXPECT;
        }
        h->wants_continue = h->minor == 1;
    }
    return HTTP_FINE;
}

static int pause_at_end(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

/* The second reader. */
static enum http_fault check_with_llhttp(struct str bytes, const struct http_head *h)
{
    static const uint8_t methods[] = {
        [HTTP_GET_METHOD] = HTTP_GET,         [HTTP_POST_METHOD] = HTTP_POST,
        [HTTP_PUT_METHOD] = HTTP_PUT,         [HTTP_PATCH_METHOD] = HTTP_PATCH,
        [HTTP_DELETE_METHOD] = HTTP_DELETE,   [HTTP_HEAD_METHOD] = HTTP_HEAD,
        [HTTP_OPTIONS_METHOD] = HTTP_OPTIONS,
    };
    static const llhttp_settings_t settings = {.on_headers_complete = pause_at_end};
    llhttp_t p;
    llhttp_init(&p, HTTP_REQUEST, &settings);
    if (llhttp_execute(&p, bytes.p, bytes.len) != HPE_PAUSED) {
        return HTTP_READERS_DISAGREE;
    }
    bool same = p.method == methods[h->method] && p.http_major == 1 && p.http_minor == h->minor &&
                ((p.flags & F_CHUNKED) != 0) == h->is_chunked &&
                (h->is_chunked || p.content_length == (uint64_t)h->content_length);
    return same ? HTTP_FINE : HTTP_READERS_DISAGREE;
}

enum http_fault http_head_parse(struct str bytes, struct http_head *out)
{
    out->n_fields = 0;
    out->content_length = 0;
    out->is_chunked = out->is_keep_alive = out->wants_continue = out->wants_upgrade = false;
    out->path = out->query = out->host = (struct str){0};
    struct framing framing = {0};
    size_t at = 0;
    for (size_t n_line = 0; at < bytes.len; n_line++) {
        const char *nl = memchr(bytes.p + at, '\n', bytes.len - at);
        size_t end = nl ? (size_t)(nl - bytes.p) : bytes.len;
        if (!nl || end == at || bytes.p[end - 1] != '\r') {
            return HTTP_BARE_LF;
        }
        struct str line = {bytes.p + at, end - 1 - at};
        at = end + 1;
        if (line.len == 0) {
            break;
        }
        if (n_line == 0) {
            enum http_fault fault =
                memchr(line.p, '\r', line.len) ? HTTP_BARE_CR : parse_request_line(line, out);
            if (fault != HTTP_FINE) {
                return fault;
            }
            continue;
        }
        if (out->n_fields == HTTP_MAX_FIELDS) {
            return HTTP_TOO_MANY_FIELDS;
        }
        struct http_field *field = &out->fields[out->n_fields++];
        enum http_fault fault = parse_field(line, field);
        if (fault != HTTP_FINE) {
            return fault;
        }
        note_field(out, &framing, field);
    }
    if (at != bytes.len || out->path.len == 0) {
        return HTTP_BAD_REQUEST_LINE;
    }
    enum http_fault fault = decide_framing(out, &framing);
    return fault == HTTP_FINE ? check_with_llhttp(bytes, out) : fault;
}

struct str http_head_find(const struct http_head *head, const char *name)
{
    struct str wanted = str_from(name);
    for (size_t i = 0; i < head->n_fields; i++) {
        if (str_eq_nocase(head->fields[i].name, wanted)) {
            return head->fields[i].value;
        }
    }
    return (struct str){0};
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* No "", "." or ".." between slashes; one empty segment at the very end is the trailing slash. */
static bool segments_are_good(struct str path)
{
    size_t start = 1;
    for (size_t i = 1; i <= path.len; i++) {
        if (i < path.len && path.p[i] != '/') {
            continue;
        }
        struct str segment = {path.p + start, i - start};
        if ((segment.len == 0 && i < path.len) || str_eq_cstr(segment, ".") ||
            str_eq_cstr(segment, "..")) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

enum http_fault http_path_decode(struct str path, char out[HTTP_MAX_PATH], size_t *len_out)
{
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.p[i];
        if (n == HTTP_MAX_PATH) {
            return HTTP_BAD_TARGET;
        }
        if (c == '%') {
            int hi = i + 2 < path.len ? hex_value(path.p[i + 1]) : -1;
            int lo = i + 2 < path.len ? hex_value(path.p[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                return HTTP_BAD_TARGET;
            }
            c = (char)(hi << 4 | lo);
            i += 2;
            if (c == '/') {
                return HTTP_BAD_TARGET;
            }
        }
        if ((unsigned char)c < 0x20 || c == 0x7f || c == '\\') {
            return HTTP_BAD_TARGET;
        }
        out[n++] = c;
    }
    struct str decoded = {out, n};
    if (n == 0 || out[0] != '/' || !utf8_is_valid(decoded) || !segments_are_good(decoded)) {
        return HTTP_BAD_TARGET;
    }
    *len_out = n;
    return HTTP_FINE;
}

enum {
    CHUNK_SIZE,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_LAST_CR,
    CHUNK_LAST_LF,
    CHUNK_DONE,
    CHUNK_BROKEN
};

/* One byte of framing. */
static uint8_t chunk_step(struct http_chunked *c, char b)
{
    switch (c->state) {
    case CHUNK_SIZE: {
        int v = hex_value(b);
        if (v >= 0 && c->n_digits < 8) {
            c->left = c->left << 4 | (uint32_t)v;
            c->n_digits++;
            return CHUNK_SIZE;
        }
        return b == '\r' && c->n_digits > 0 ? CHUNK_SIZE_LF : CHUNK_BROKEN;
    }
    case CHUNK_SIZE_LF:
        c->n_digits = 0;
        return b != '\n' ? CHUNK_BROKEN : c->left ? CHUNK_DATA : CHUNK_LAST_CR;
    case CHUNK_DATA_CR:
        return b == '\r' ? CHUNK_DATA_LF : CHUNK_BROKEN;
    case CHUNK_DATA_LF:
        return b == '\n' ? CHUNK_SIZE : CHUNK_BROKEN;
    case CHUNK_LAST_CR:
        return b == '\r' ? CHUNK_LAST_LF : CHUNK_BROKEN;
    case CHUNK_LAST_LF:
        return b == '\n' ? CHUNK_DONE : CHUNK_BROKEN;
    default:
        return CHUNK_BROKEN;
    }
}

enum http_chunk_result http_chunked_next(struct http_chunked *c, struct str bytes, size_t *used_out,
                                         struct str *data_out)
{
    size_t at = 0;
    while (c->state != CHUNK_DONE && c->state != CHUNK_BROKEN && at < bytes.len) {
        if (c->state == CHUNK_DATA) {
            size_t n = bytes.len - at < c->left ? bytes.len - at : c->left;
            *data_out = (struct str){bytes.p + at, n};
            *used_out = at + n;
            c->left -= (uint32_t)n;
            if (c->left == 0) {
                c->state = CHUNK_DATA_CR;
            }
            return HTTP_CHUNK_DATA;
        }
        c->state = chunk_step(c, bytes.p[at++]);
    }
    *used_out = at;
    return c->state == CHUNK_DONE     ? HTTP_CHUNK_END
           : c->state == CHUNK_BROKEN ? HTTP_CHUNK_BAD
                                      : HTTP_CHUNK_MORE;
}
