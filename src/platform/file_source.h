/* Bytes of an answer that come from elsewhere than a file: a pull interface for the loop, fed by a thread of the store.
 *
 * Life: made by files->ops->open; owned by the response, then by the reply, then by the connection; closed by whoever has it last. */
#ifndef PLATFORM_FILE_SOURCE_H
#define PLATFORM_FILE_SOURCE_H

#include "base/err.h"

struct file_source;
struct file_source_ops {
    /* On a worker, at most once; blocks until the store has said yes or no, so that a refusal can still be an answer of its own. Bytes from..from+len. */
    enum err (*begin)(struct file_source *s, int64_t from, int64_t len, struct errinfo *info);
    /* On a loop thread, never blocks: ERR_OK with a piece (mem_free), ERR_AGAIN: nothing yet, `ready` will be called; else it is broken for good. */
    enum err (*take)(struct file_source *s, char **piece_out, size_t *len_out);
    /* Who is told, on any thread, that take is worth another try. Must not block, nor call the source. */
    void (*on_ready)(struct file_source *s, void (*ready)(void *arg), void *arg);
    /* Any thread, at any time; `ready` is not called afterwards. */
    void (*close)(struct file_source *s);
};
struct file_source {
    const struct file_source_ops *ops;
};
static inline void file_source_close(struct file_source **s)
{
    if (*s) {
        (*s)->ops->close(*s);
        *s = (struct file_source *)0;
    }
}

#endif
