#include "platform/static_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/http_impl.h"

#define MAX_DISK_FILE (64LL * 1024 * 1024)

struct static_files {
    const struct asset *assets;
    size_t n_assets;
    char *web_dir;
    struct route disk_route;
    struct str policy_page, policy_widget;
    char *policy_memory[2];
};

/* What every page may do: nothing but what is listed; no inline script or style anywhere. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "        \
    "font-src 'self'; media-src 'self' blob:; "                                                    \
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; frame-src 'self'; object-src "    \
    "'none'; base-uri 'none'; "                                                                    \
    "form-action 'self'; frame-ancestors "

static enum err disk_get(struct request *rq, struct response *rs, struct errinfo *info);

static char *join(const char *a, const char *b, const char *c)
{
    BUF_AUTO text;
    size_t len;
    buf_init(&text, 16384);
    buf_add_cstr(&text, a);
    buf_add_cstr(&text, b);
    for (; c && *c; c++) {
        buf_add_char(&text, *c == ',' || *c == ';' || (unsigned char)*c < 0x20 ? ' ' : *c);
    }
    buf_add_char(&text, '\0');
    ASSERT(buf_err(&text) == ERR_OK);
    return buf_detach(&text, &len);
}

struct static_files *static_files_new(const struct asset *assets, size_t n_assets,
                                      const char *web_dir, const char *allowed_origins)
{
    struct static_files *f = MEM_NEW(struct static_files);
    f->assets = assets;
    f->n_assets = n_assets;
    f->web_dir = web_dir ? mem_strdup(web_dir) : NULL;
    f->disk_route = (struct route){.method = HTTP_GET_METHOD,
                                   .pattern = "/",
                                   .operation = "static_disk",
                                   .handler = disk_get,
                                   .room = -1,
                                   .rate_class = 2};
    f->policy_memory[0] = join(POLICY, "'none'", NULL);
    f->policy_memory[1] = join(POLICY, "'self' ", allowed_origins);
    f->policy_page = str_from(f->policy_memory[0]);
    f->policy_widget = str_from(f->policy_memory[1]);
    return f;
}

void static_files_free(struct static_files **files)
{
    if (*files) {
        mem_free((*files)->web_dir);
        mem_free((*files)->policy_memory[0]);
        mem_free((*files)->policy_memory[1]);
        mem_free(*files);
        *files = NULL;
    }
}

static bool is_widget(struct str path)
{
    return str_starts(path, STR("/widget/"));
}

struct str static_files_policy(const struct static_files *files, struct str path)
{
    return is_widget(path) ? files->policy_widget : files->policy_page;
}

static struct str base_name(struct str path)
{
    size_t at = path.len;
    while (at > 0 && path.p[at - 1] != '/') {
        at--;
    }
    return str_sub(path, at, path.len);
}

static struct str extension(struct str path)
{
    struct str name = base_name(path);
    for (size_t i = name.len; i > 1; i--) {
        if (name.p[i - 1] == '.') {
            return str_sub(name, i, name.len);
        }
    }
    return (struct str){0};
}

const char *static_files_type(struct str path)
{
    static const struct {
        const char *ext, *type;
    } types[] = {
        {"html", "text/html; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"json", "application/json"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"webp", "image/webp"},
        {"gif", "image/gif"},
        {"ico", "image/x-icon"},
        {"woff2", "font/woff2"},
        {"txt", "text/plain; charset=utf-8"},
        {"webmanifest", "application/manifest+json"},
        {"map", "application/json"},
        {"mp3", "audio/mpeg"},
        {"ogg", "audio/ogg"},
        {"wav", "audio/wav"},
        {"yaml", "application/yaml"},
    };
    struct str ext = extension(path);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq_nocase(ext, str_from(types[i].ext))) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

bool static_files_is_hashed(struct str path)
{
    struct str name = base_name(path), ext = extension(path);
    if (ext.len == 0 || name.len < ext.len + 1 + 9) {
        return false;
    }
    size_t end = name.len - ext.len - 1; /* the dot */
    if (name.p[end - 9] != '-') {
        return false;
    }
    bool has_mark =
        false; /* a digit, capital or underscore: a plain word of eight letters is not a hash */
    for (size_t i = end - 8; i < end; i++) {
        char c = name.p[i];
        bool is_mark = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_mark && c != '-' && !(c >= 'a' && c <= 'z')) {
            return false;
        }
        has_mark = has_mark || is_mark;
    }
    return has_mark;
}

static const struct asset *asset_find(const struct static_files *f, struct str path)
{
    size_t lo = 0, hi = f->n_assets;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = str_cmp(path, str_from(f->assets[mid].path));
        if (c == 0) {
            return &f->assets[mid];
        }
        if (c < 0) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return NULL;
}

/* The names to try for a path, in order. Returns how many. */
static int candidates(struct str path, char out[2][HTTP_MAX_PATH + 16])
{
    int n = 0;
    bool is_folder = path.len > 0 && path.p[path.len - 1] == '/';
    snprintf(out[n++], HTTP_MAX_PATH + 16, STR_FMT "%s", STR_ARG(path),
             is_folder ? "index.html" : "");
    if (str_starts(path, STR("/console/")) && extension(path).len == 0) {
        snprintf(out[n++], HTTP_MAX_PATH + 16, "/console/index.html");
    }
    return n;
}

static const char *cache_rule(struct str path, bool is_immutable)
{
    if (is_immutable) {
        return "public, max-age=31536000, immutable";
    }
    return str_starts(str_from(static_files_type(path)), STR("text/html")) ? "no-cache"
                                                                           : "public, max-age=300";
}

static void add_headers(struct buf *b, const struct static_files *f, struct str path,
                        bool is_immutable)
{
    http_head_field(b, "Cache-Control", str_from(cache_rule(path, is_immutable)));
    http_head_field(b, "Cross-Origin-Resource-Policy",
                    is_widget(path) ? STR("cross-origin") : STR("same-origin"));
    if (str_starts(str_from(static_files_type(path)), STR("text/html"))) {
        http_head_field(b, "Content-Security-Policy", static_files_policy(f, path));
        if (!is_widget(path)) {
            http_head_field(b, "Cross-Origin-Opener-Policy", STR("same-origin"));
        }
        http_head_field(b, "Permissions-Policy",
                        STR("camera=(), microphone=(), geolocation=(), payment=()"));
    }
}

static bool accepts(struct str header, const char *coding)
{
    struct str part;
    while (str_split(&header, ',', &part)) {
        size_t semicolon = str_find_char(part, ';');
        struct str name = str_trim(semicolon == SIZE_MAX ? part : str_sub(part, 0, semicolon));
        struct str q = semicolon == SIZE_MAX ? (struct str){0}
                                             : str_trim(str_sub(part, semicolon + 1, part.len));
        if (str_eq_nocase(name, str_from(coding))) {
            return !str_eq_cstr(q, "q=0") && !str_eq_cstr(q, "q=0.0") &&
                   !str_eq_cstr(q, "q=0.00") && !str_eq_cstr(q, "q=0.000");
        }
    }
    return false;
}

static bool matches_etag(struct str if_none_match, struct str etag)
{
    struct str part;
    while (str_split(&if_none_match, ',', &part)) {
        part = str_trim(part);
        if (str_starts(part, STR("W/"))) {
            part = str_sub(part, 2, part.len);
        }
        if (str_eq(part, etag) || str_eq_cstr(part, "*")) {
            return true;
        }
    }
    return false;
}

static void answer_asset(const struct static_files *f, const struct static_query *q,
                         const struct asset *a, struct frame *out[2])
{
    struct str body = {(const char *)a->bytes, a->len};
    const char *coding = NULL;
    if (a->br && accepts(q->accept_encoding, "br")) {
        body = (struct str){(const char *)a->br, a->br_len};
        coding = "br";
    } else if (a->gz && accepts(q->accept_encoding, "gzip")) {
        body = (struct str){(const char *)a->gz, a->gz_len};
        coding = "gzip";
    }
    bool is_known = matches_etag(q->if_none_match, str_from(a->etag));
    BUF_AUTO head;
    buf_init(&head, 8192);
    http_head_begin(&head, is_known ? 304 : 200);
    bool has_variants = a->br || a->gz;
    buf_printf(&head, "ETag: %s%s\r\n", has_variants ? "W/" : "",
               a->etag); /* weak: the bytes differ by coding */
    if (has_variants) {
        http_head_field(&head, "Vary", STR("Accept-Encoding"));
    }
    add_headers(&head, f, str_from(a->path), a->is_immutable);
    if (!is_known) {
        http_head_field(&head, "Content-Type", str_from(a->type));
        if (coding) {
            http_head_field(&head, "Content-Encoding", str_from(coding));
        }
    }
    http_head_defaults(&head, q->is_tls);
    http_head_end(&head, is_known ? -1 : (int64_t)body.len, q->keep_alive);
    out[0] = frame_new_bytes(buf_str(&head));
    out[1] = is_known || q->is_head || body.len == 0 ? NULL : frame_new_outside(body, NULL, NULL);
}

static void answer_redirect(const struct static_query *q, struct str path, struct frame *out[2])
{
    BUF_AUTO head;
    buf_init(&head, 16384);
    http_head_begin(&head, 302);
    buf_add_cstr(&head, "Location: ");
    buf_add_str(&head, path);
    buf_add_char(&head, '/');
    if (q->query.len) {
        buf_add_char(&head, '?');
        buf_add_str(&head, q->query);
    }
    buf_add_cstr(&head, "\r\n");
    http_head_end(&head, 0, q->keep_alive);
    out[0] = frame_new_bytes(buf_str(&head));
    out[1] = NULL;
}

bool static_files_answer(const struct static_files *f, const struct static_query *q,
                         struct frame *frames_out[2])
{
    if (f->web_dir) {
        return false;
    }
    char names[2][HTTP_MAX_PATH + 16];
    int n = candidates(q->path, names);
    for (int i = 0; i < n; i++) {
        const struct asset *a = asset_find(f, str_from(names[i]));
        if (a) {
            answer_asset(f, q, a, frames_out);
            return true;
        }
    }
    /* "/x" with an "/x/index.html": the name is one of ours, so it is clean enough for a header. */
    snprintf(names[0], sizeof(names[0]), STR_FMT "/index.html", STR_ARG(q->path));
    if (asset_find(f, str_from(names[0]))) {
        answer_redirect(q, q->path, frames_out);
        return true;
    }
    return false;
}

/* ---- from disk ---- */

const struct route *static_files_disk_route(const struct static_files *f, struct str path)
{
    (void)path;
    return f->web_dir ? &f->disk_route : NULL;
}

/* Opens a file below the folder; symbolic links that leave it are refused by looking at where the name really leads. */
static int open_below(const struct static_files *f, struct arena *arena, const char *name,
                      int64_t *size_out)
{
    char real_dir[4096], real_file[4096]; /* PATH_MAX, as realpath wants it */
    struct str full = str_printf(arena, "%s%s", f->web_dir, name);
    if (!realpath(f->web_dir, real_dir) || !realpath(full.p, real_file)) {
        return -1;
    }
    size_t len = strlen(real_dir);
    if (strncmp(real_dir, real_file, len) != 0 || real_file[len] != '/') {
        return -1;
    }
    struct stat st;
    int fd = open(real_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_DISK_FILE)) {
        close(fd);
        return -1;
    }
    *size_out = fd >= 0 ? st.st_size : 0;
    return fd;
}

static enum err disk_read(int fd, struct arena *arena, int64_t size, struct str *out)
{
    char *p = arena_alloc(arena, (size_t)size + 1);
    int64_t at = 0;
    while (at < size) {
        ssize_t n = read(fd, p + at, (size_t)(size - at));
        if (n <= 0) {
            return ERR_UNAVAILABLE;
        }
        at += n;
    }
    *out = (struct str){p, (size_t)size};
    return ERR_OK;
}

static enum err disk_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct static_files *f = rq->room;
    char names[2][HTTP_MAX_PATH + 16];
    int n = candidates(rq->path, names);
    for (int i = 0; i < n; i++) {
        int64_t size = 0;
        struct str body, name = str_dup(rq->arena, str_from(names[i]));
        int fd = open_below(f, rq->arena, names[i], &size);
        if (fd < 0) {
            continue;
        }
        enum err err = disk_read(fd, rq->arena, size, &body);
        close(fd);
        if (err != ERR_OK) {
            return err;
        }
        response_header(rs, "Cache-Control", STR("no-cache"));
        response_header(rs, "Content-Security-Policy", static_files_policy(f, name));
        response_header(rs, "Cross-Origin-Resource-Policy",
                        is_widget(name) ? STR("cross-origin") : STR("same-origin"));
        response_body(rs, str_from(static_files_type(name)), body);
        return ERR_OK;
    }
    int64_t size;
    struct str index = str_printf(rq->arena, STR_FMT "/index.html", STR_ARG(rq->path));
    int fd = open_below(f, rq->arena, index.p, &size);
    if (fd < 0) {
        return err_set(info, ERR_NOT_FOUND, NULL, "not_found", "no such address");
    }
    close(fd);
    response_status(rs, 302);
    response_header(rs, "Location", str_printf(rq->arena, STR_FMT "/", STR_ARG(rq->path)));
    return ERR_OK;
}

/* ---- for pages of rooms ---- */

enum err static_files_load(const struct static_files *f, const char *path, struct arena *arena,
                           struct str *out)
{
    if (!f->web_dir) {
        const struct asset *a = asset_find(f, str_from(path));
        if (!a) {
            return ERR_NOT_FOUND;
        }
        *out = (struct str){(const char *)a->bytes, a->len};
        return ERR_OK;
    }
    int64_t size = 0;
    int fd = open_below(f, arena, path, &size);
    if (fd < 0) {
        return ERR_NOT_FOUND;
    }
    enum err err = disk_read(fd, arena, size, out);
    close(fd);
    return err;
}

struct str static_files_framed_policy(struct arena *arena, struct str ancestors)
{
    return str_printf(arena, "%s" STR_FMT, POLICY, STR_ARG(ancestors));
}
