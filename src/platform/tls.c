/* TLS over OpenSSL memory BIOs: what the socket brings goes into one BIO, what OpenSSL wants to send comes out of the other and is queued as frames.
 * Records are made only while little ciphertext waits, so the byte cap on the plain queue means what it says. Idle connections give their record
 * buffers back (SSL_MODE_RELEASE_BUFFERS). TLS 1.2 and up. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/net.h"

#define WIRE_MARK (128UL * 1024)
#define RECORD 16384

struct tls_context {
    SSL_CTX *ctx;
};

struct tls_side {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    struct outq *wire;
    bool is_shut, has_failed;
};

static const char *ssl_error(char text[160])
{
    unsigned long e = ERR_get_error();
    ERR_error_string_n(e, text, 160);
    ERR_clear_error();
    return text;
}

enum err tls_context_new(const char *cert, const char *key, struct tls_context **out,
                         struct errinfo *info)
{
    char text[160];
    struct tls_context *c = MEM_NEW(struct tls_context);
    c->ctx = SSL_CTX_new(TLS_server_method());
    ASSERT(c->ctx);
    SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                    SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(c->ctx,
                                   SSL_SESS_CACHE_OFF); /* tickets do it without memory here */
    if (SSL_CTX_use_certificate_chain_file(c->ctx, cert) != 1) {
        tls_context_free(&c);
        return err_set(info, ERR_INVALID, "http.tls_cert", "tls", "cannot use certificate: %s",
                       ssl_error(text));
    }
    if (SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(c->ctx) != 1) {
        tls_context_free(&c);
        return err_set(info, ERR_INVALID, "http.tls_key", "tls", "cannot use private key: %s",
                       ssl_error(text));
    }
    *out = c;
    return ERR_OK;
}

void tls_context_free(struct tls_context **context)
{
    if (*context) {
        SSL_CTX_free((*context)->ctx);
        mem_free(*context);
        *context = NULL;
    }
}

struct tls_side *tls_side_new(struct tls_context *context)
{
    struct tls_side *t = MEM_NEW(struct tls_side);
    t->ssl = SSL_new(context->ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    ASSERT(t->ssl && t->in && t->out);
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_accept_state(t->ssl);
    return t;
}

void tls_side_free(struct tls_side **side)
{
    if (*side) {
        ASSERT(!(*side)->wire);
        SSL_free((*side)->ssl);
        mem_free(*side);
        *side = NULL;
    }
}

struct outq **tls_wire(struct tls_side *side)
{
    return &side->wire;
}

size_t tls_waiting(const struct tls_side *side)
{
    return side->wire ? side->wire->bytes : 0;
}

/* Moves what OpenSSL has made to the wire queue. */
static void take_records(struct conn *conn)
{
    struct tls_side *t = conn->tls;
    char *p;
    long n = BIO_get_mem_data(t->out, &p);
    if (n <= 0) {
        return;
    }
    if (!t->wire) {
        t->wire = outq_get(&conn->loop->pool);
    }
    outq_push(t->wire, frame_new_bytes((struct str){p, (size_t)n}));
    (void)BIO_reset(t->out);
}

/* Marks the connection for loop_flush without adding to its plain queue. */
static void want_flush(struct conn *conn)
{
    if (!conn->is_dirty && !conn->is_closing) {
        conn->is_dirty = true;
        conn->next_dirty = conn->loop->dirty;
        conn->loop->dirty = conn;
    }
}

void tls_input(struct conn *conn, char *p, size_t len)
{
    struct tls_side *t = conn->tls;
    char plain[RECORD];
    BIO_write(t->in, p, (int)len);
    while (!conn->is_closing && !t->has_failed) {
        ERR_clear_error();
        int n = SSL_read(t->ssl, plain, sizeof(plain));
        if (n > 0) {
            conn_plain(conn, plain, (size_t)n);
            continue;
        }
        int why = SSL_get_error(t->ssl, n);
        if (why == SSL_ERROR_ZERO_RETURN) {
            conn_peer_done(conn);
        } else if (why != SSL_ERROR_WANT_READ) {
            t->has_failed = true;
            conn->finish_when_sent = true; /* the alert goes out first */
        }
        break;
    }
    if (!conn->is_closing) {
        take_records(conn);
        want_flush(conn);
    }
}

enum tls_step tls_encrypt(struct conn *conn)
{
    struct tls_side *t = conn->tls;
    if (t->has_failed) {
        take_records(conn);
        return tls_waiting(t) > 0 && !t->is_shut ? (t->is_shut = true, TLS_BLOCKED) : TLS_FAILED;
    }
    if (!SSL_is_init_finished(t->ssl)) {
        return TLS_BLOCKED;
    }
    while (conn->out && conn->out->len > 0 && tls_waiting(t) < WIRE_MARK) {
        uv_buf_t bufs[OUTQ_BUFS];
        size_t total;
        outq_bufs(conn->out, bufs, 1, &total);
        ERR_clear_error();
        int n = SSL_write(t->ssl, bufs[0].base, (int)(bufs[0].len < RECORD ? bufs[0].len : RECORD));
        if (n <= 0) {
            return TLS_FAILED; /* memory BIOs never block; renegotiation is off */
        }
        outq_consume(conn->out, (size_t)n);
        take_records(conn);
    }
    if (conn->out && conn->out->len == 0) {
        outq_put(&conn->loop->pool, &conn->out);
    }
    return TLS_DONE;
}

bool tls_shutdown(struct conn *conn)
{
    struct tls_side *t = conn->tls;
    if (t->is_shut || t->has_failed || !SSL_is_init_finished(t->ssl)) {
        return false;
    }
    t->is_shut = true;
    ERR_clear_error();
    SSL_shutdown(t->ssl);
    take_records(conn);
    return tls_waiting(t) > 0;
}
