#include "chat_wires.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "chat_rows.h"

#define N_TEXTS 512
#define CLIENT_ID "%08x-%010llu"
#define CLIENT_ID_AT 9 /* of the number in it */

static struct {
    char texts[N_TEXTS][300];
    uint32_t nonce; /* another load's messages are no retries of this one's */
} wires;

static const char *text_of(uint64_t n)
{
    return wires.texts[n % N_TEXTS];
}

static void begin(void)
{
    wires.nonce++;
    if (wires.texts[0][0] == '\0') {
        wires.nonce = (uint32_t)rng_u64();
        for (uint64_t i = 0; i < N_TEXTS; i++) {
            (void)bench_text(i, wires.texts[i], sizeof(wires.texts[i]));
        }
    }
}

/* ---- bare ---- */

static size_t bare_make(void *arg, size_t conn, uint64_t n, char *out, size_t size)
{
    UNUSED(arg);
    UNUSED(conn);
    const char *text = text_of(n);
    /* The client's id is what stands behind the mark: 16 characters. */
    return (size_t)snprintf(out, size, CHAT_MARK "%08x%08llx %s", (unsigned long long)n,
                            wires.nonce, (unsigned long long)n, text);
}

static enum chat_frame bare_read(void *arg, size_t conn, const char *text, size_t len,
                                 uint64_t *n_out)
{
    UNUSED(arg);
    UNUSED(conn);
    if (!chat_find_mark(text, len < 14 ? len : 14, n_out)) {
        return CHAT_OTHER;
    }
    return text[0] == 'A' ? CHAT_ACK : text[0] == 'D' ? CHAT_DELIVERY : CHAT_OTHER;
}

struct chat_wire chat_wire_bare(void)
{
    begin();
    return (struct chat_wire){.make = bare_make, .read = bare_read};
}

/* ---- real ---- */

static size_t real_make(void *arg, size_t conn, uint64_t n, char *out, size_t size)
{
    UNUSED(arg);
    UNUSED(conn);
    const char *text = text_of(n);
    return (size_t)snprintf(out, size,
                            "{\"t\":\"send\",\"message\":{\"client_id\":\"" CLIENT_ID
                            "\",\"body\":\"" CHAT_MARK " %s\"}}",
                            wires.nonce, (unsigned long long)n, (unsigned long long)n, text);
}

static enum chat_frame real_read(void *arg, size_t conn, const char *text, size_t len,
                                 uint64_t *n_out)
{
    static const char ack[] = "{\"t\":\"ack\",\"client_id\":\"";
    const size_t *n_agents = arg;
    if (conn < *n_agents) {
        return chat_find_mark(text, len, n_out) ? CHAT_DELIVERY : CHAT_OTHER;
    }
    size_t at = sizeof(ack) - 1 + CLIENT_ID_AT;
    if (len < at + 10 || memcmp(text, ack, sizeof(ack) - 1) != 0) {
        return CHAT_OTHER; /* the event of its own message comes to the sender, too */
    }
    *n_out = 0;
    for (size_t i = at; i < at + 10; i++) {
        *n_out = *n_out * 10 + (uint64_t)(text[i] - '0');
    }
    return CHAT_ACK;
}

struct chat_wire chat_wire_real(const size_t *n_agents)
{
    union {
        const size_t *c;
        void *p;
    } u = {n_agents};
    begin();
    return (struct chat_wire){.make = real_make, .read = real_read, .arg = u.p};
}
