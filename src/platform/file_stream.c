/* A file on its way out, a piece at a time: the next one is fetched when the socket has taken the last. From disk: opened and read on libuv's pool, 64 KB in memory. From a source
 * (file_source.h): taken when it has something, with a word to the loop's inbox when it had nothing before. */
#include <fcntl.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/net.h"

#define PIECE 65536

struct file_stream {
    struct loop *loop;
    struct conn_id conn;
    struct file_source *source; /* or, from disk: */
    uv_fs_t fs;
    char *path;
    int fd;
    int64_t at, left;
    char *piece; /* being read into */
    bool is_busy, is_orphan, keep_alive;
    bool is_sending; /* a piece of the source is with the socket */
};

static void stream_free(struct file_stream *s)
{
    if (s->fd >= 0) {
        uv_fs_t *fs = MEM_NEW(uv_fs_t);
        fs->data = fs;
        uv_fs_close(
            &s->loop->uv, fs, s->fd,
            (uv_fs_cb)
                NULL); /* without callback libuv closes here: no flush of data is involved in closing a file that was read */
        uv_fs_req_cleanup(fs);
        mem_free(fs);
    }
    file_source_close(&s->source);
    mem_free(s->piece);
    mem_free(s->path);
    mem_free(s);
}

void file_stream_abort(struct file_stream **stream)
{
    struct file_stream *s = *stream;
    *stream = NULL;
    if (s->is_busy) {
        s->is_orphan = true;
    } else {
        stream_free(s);
    }
}

static void read_next(struct file_stream *s);

static void on_piece(struct file_stream *s, struct conn *conn, ssize_t n)
{
    if (n <= 0 ||
        n > s->left) { /* shorter than announced: the length is already sent, so only cutting tells the truth */
        LOG_ERROR("http", "file ended early", log_i64("left", s->left));
        conn_kill(conn);
        return;
    }
    s->at += n;
    s->left -= n;
    conn_push(conn, frame_new_outside((struct str){s->piece, (size_t)n}, mem_free, s->piece));
    s->piece = NULL;
}

static void on_fs(uv_fs_t *fs)
{
    struct file_stream *s = fs->data;
    bool was_open = fs->fs_type == UV_FS_OPEN;
    ssize_t result = fs->result;
    struct loop *loop = s->loop;
    uv_fs_req_cleanup(fs);
    s->is_busy = false;
    if (was_open && result >= 0) {
        s->fd = (int)result;
    }
    if (s->is_orphan) {
        stream_free(s);
        return;
    }
    struct conn *conn = loop_find(loop, s->conn);
    ASSERT(conn && conn->http.stream == s);
    if (result < 0) {
        LOG_ERROR("http", "file cannot be sent", log_cstr("error", uv_strerror((int)result)));
        conn_kill(conn);
    } else if (was_open) {
        read_next(s);
    } else {
        on_piece(s, conn, result);
    }
    loop_flush(loop);
}

static void read_next(struct file_stream *s)
{
    s->piece = mem_alloc(PIECE);
    uv_buf_t b = uv_buf_init(s->piece, (unsigned)(s->left < PIECE ? s->left : PIECE));
    s->is_busy = true;
    uv_fs_read(&s->loop->uv, &s->fs, s->fd, &b, 1, s->at, on_fs);
}

/* ---- from a source ---- */

/* On a thread of the store: a late word finds no connection, or a stream that has nothing to take. */
static void on_source(void *arg)
{
    const struct file_stream *s = arg;
    struct command *c = MEM_NEW(struct command);
    c->kind = CMD_FILE;
    c->conn = s->conn;
    loop_post(s->loop, c);
}

static void take_next(struct file_stream *s, struct conn *conn)
{
    char *piece = NULL;
    size_t len = 0;
    enum err err = s->source->ops->take(s->source, &piece, &len);
    if (err == ERR_AGAIN) {
        return;
    }
    if (err != ERR_OK || (int64_t)len > s->left) {
        LOG_ERROR("http", "file broke off", log_cstr("error", err_name(err)),
                  log_i64("left", s->left));
        mem_free(piece);
        conn_kill(conn);
        return;
    }
    s->left -= (int64_t)len;
    s->is_sending = true;
    conn_push(conn, frame_new_outside((struct str){piece, len}, mem_free, piece));
}

void file_stream_on_ready(struct conn *conn)
{
    struct file_stream *s = conn->http.phase == HTTP_STREAMING ? conn->http.stream : NULL;
    if (s != NULL && s->source != NULL && !s->is_sending && s->left > 0) {
        take_next(s, conn);
    }
}

/* ---- both ---- */

void file_stream_on_sent(struct conn *conn)
{
    struct file_stream *s = conn->http.stream;
    if (s->is_busy || (s->fd < 0 && !s->source)) {
        return;
    }
    s->is_sending = false;
    if (s->left > 0) {
        if (s->source) {
            take_next(s, conn);
        } else {
            read_next(s);
        }
        return;
    }
    bool keep_alive = s->keep_alive;
    file_stream_abort(&conn->http.stream);
    http_done(conn, keep_alive);
    http_resume(conn);
}

void file_stream_start(struct conn *conn, struct reply *reply)
{
    struct file_stream *s = MEM_NEW(struct file_stream);
    s->loop = conn->loop;
    s->conn = conn_get_id(conn);
    s->path = reply->file;
    s->source = reply->source;
    s->at = reply->file_from;
    s->left = reply->file_size;
    s->fd = -1;
    s->fs.data = s;
    s->keep_alive = reply->keep_alive;
    reply->file = NULL;
    reply->source = NULL;
    conn->http.stream = s;
    if (s->left == 0) {
        bool keep_alive = s->keep_alive;
        file_stream_abort(&conn->http.stream);
        http_done(conn, keep_alive);
        http_resume(conn);
    } else if (s->source) {
        s->source->ops->on_ready(s->source, on_source, s);
        take_next(s, conn);
    } else {
        s->is_busy = true;
        uv_fs_open(&s->loop->uv, &s->fs, s->path, O_RDONLY | O_CLOEXEC, 0, on_fs);
    }
}
