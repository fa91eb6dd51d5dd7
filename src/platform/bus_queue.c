/* Each signal in one piece of memory with its strings behind it. */
#include <string.h>

#include "base/mem.h"
#include "platform/bus_impl.h"

static struct str bus_keep(char **at, struct str s)
{
    if (s.len > 0) {
        memcpy(*at, s.p, s.len);
    }
    struct str kept = {*at, s.len};
    *at += s.len;
    return kept;
}

bool bus_queue_put(struct bus_queue *q, const struct bus_signal *s)
{
    size_t size = sizeof(struct bus_kept) + s->kind.len + s->payload.len + s->from.len;
    if (q->n == BUS_QUEUE_MAX || q->n_bytes + size > BUS_QUEUE_BYTES) {
        return false;
    }
    struct bus_kept *kept = mem_alloc(size);
    char *at = kept->bytes;
    kept->next = NULL;
    kept->size = size;
    kept->s = *s;
    kept->s.kind = bus_keep(&at, s->kind);
    kept->s.payload = bus_keep(&at, s->payload);
    kept->s.from = bus_keep(&at, s->from);
    if (q->last == NULL) {
        q->first = kept;
    } else {
        q->last->next = kept;
    }
    q->last = kept;
    q->n++;
    q->n_bytes += size;
    return true;
}

struct bus_kept *bus_queue_take(struct bus_queue *q, size_t max)
{
    struct bus_kept *list = q->first;
    struct bus_kept *end = NULL;
    for (size_t i = 0; i < max && q->first != NULL; i++) {
        end = q->first;
        q->first = end->next;
        q->n--;
        q->n_bytes -= end->size;
    }
    if (end != NULL) {
        end->next = NULL;
    }
    if (q->first == NULL) {
        q->last = NULL;
    }
    return end == NULL ? NULL : list;
}

void bus_kept_free(struct bus_kept **list)
{
    while (*list != NULL) {
        struct bus_kept *next = (*list)->next;
        mem_free(*list);
        *list = next;
    }
}
