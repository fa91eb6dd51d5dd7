/* The same server behind TLS, with a certificate made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "testserver.h"

static char big[8 * 1024 * 1024];
static char cert_path[] = "/tmp/stablehand-cert-XXXXXX", key_path[] = "/tmp/stablehand-key-XXXXXX";

static void make_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    FILE *f = fdopen(mkstemp(cert_path), "w");
    PEM_write_X509(f, x);
    fclose(f);
    f = fdopen(mkstemp(key_path), "w");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

static SSL_CTX *context;

static int start(void **state)
{
    static struct testserver t;
    struct server_options o = {
        .tls_cert = cert_path, .tls_key = key_path, .header_timeout_ms = 1500};
    make_certificate();
    context = SSL_CTX_new(TLS_client_method());
    testserver_start(&t, &o);
    *state = &t;
    return 0;
}

static int stop(void **state)
{
    testserver_stop(*state);
    SSL_CTX_free(context);
    unlink(cert_path);
    unlink(key_path);
    return 0;
}

static SSL *tls_connect(int port)
{
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, client_connect(port));
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

static void tls_close(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
}

static int tls_answer(SSL *ssl)
{
    size_t n = 0;
    big[0] = '\0';
    while (!strstr(big, "\r\n\r\n")) {
        int r = SSL_read(ssl, big + n, 1);
        if (r <= 0) {
            return 0;
        }
        big[++n] = '\0';
    }
    const char *cl = strcasestr(big, "\r\ncontent-length:");
    size_t len = cl ? (size_t)strtoul(cl + 17, NULL, 10) : 0;
    for (size_t i = 0; i < len;) {
        int r = SSL_read(ssl, big + n, (int)(len - i));
        assert_true(r > 0);
        i += (size_t)r;
        n += (size_t)r;
    }
    big[n] = '\0';
    return (int)strtol(big + 9, NULL, 10);
}

static void requests_and_large_answers(void **state)
{
    struct testserver *t = *state;
    SSL *ssl = tls_connect(t->port);
    for (int i = 0; i < 20; i++) {
        static const char rq[] = "GET /items/7 HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_int_equal(SSL_write(ssl, rq, sizeof(rq) - 1), sizeof(rq) - 1);
        assert_int_equal(tls_answer(ssl), 200);
        assert_non_null(strstr(big, "\"tls\":true"));
        assert_non_null(strstr(big, "Strict-Transport-Security"));
    }
    static const char large[] = "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_true(SSL_write(ssl, large, sizeof(large) - 1) > 0);
    assert_int_equal(tls_answer(ssl), 200);
    assert_int_equal(strlen(strstr(big, "\r\n\r\n") + 4), 4 * 1024 * 1024);
    char c;
    assert_int_equal(SSL_read(ssl, &c, 1), 0);
    assert_int_equal(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN); /* a proper end, not a cut */
    tls_close(ssl);
}

static void uploads(void **state)
{
    struct testserver *t = *state;
    SSL *ssl = tls_connect(t->port);
    static const char rq[] = "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n";
    assert_true(SSL_write(ssl, rq, sizeof(rq) - 1) > 0);
    memset(big, 1, 2000000);
    assert_int_equal(SSL_write(ssl, big, 2000000), 2000000);
    assert_int_equal(tls_answer(ssl), 200);
    assert_non_null(strstr(big, "{\"size\":2000000,\"sum\":2000000,\"spooled\":true}"));
    tls_close(ssl);
}

static bool tls_read_exact(SSL *ssl, char *p, size_t len)
{
    for (size_t n = 0; n < len;) {
        int r = SSL_read(ssl, p + n, (int)(len - n));
        if (r <= 0) {
            return false;
        }
        n += (size_t)r;
    }
    return true;
}

static void sockets_echo(void **state)
{
    struct testserver *t = *state;
    SSL *ssl = tls_connect(t->port);
    static const char rq[] = "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "
                             "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert_true(SSL_write(ssl, rq, sizeof(rq) - 1) > 0);
    assert_int_equal(tls_answer(ssl), 101);
    for (int i = 0; i < 2000; i++) {
        char frame[32] = "\x81\x85\0\0\0\0";
        snprintf(frame + 6, 6, "%05d", i);
        assert_int_equal(SSL_write(ssl, frame, 11), 11);
        char back[8] = "";
        assert_true(tls_read_exact(ssl, back, 7));
        assert_memory_equal(back, "\x81\x05", 2);
        assert_memory_equal(back + 2, frame + 6, 5);
    }
    tls_close(ssl);
}

static void nonsense_and_silence(void **state)
{
    struct testserver *t = *state;
    int fd = client_connect(t->port);
    client_send_text(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"); /* plain text to a TLS port */
    assert_true(client_is_closed(fd));
    close(fd);
    fd = client_connect(t->port);
    client_send(fd, "\x16\x03\x01\x02\x00", 5); /* begins a handshake and waits */
    assert_true(client_is_closed(fd));
    close(fd);
    for (int i = 0; i < 50; i++) { /* cut in the middle of an answer */
        SSL *ssl = tls_connect(t->port);
        static const char large[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_true(SSL_write(ssl, large, sizeof(large) - 1) > 0);
        char some[100];
        SSL_read(ssl, some, sizeof(some));
        tls_close(ssl);
    }
    SSL_CTX *old = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(old, 0);
    SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION);
    SSL *ssl = SSL_new(old);
    SSL_set_fd(ssl, client_connect(t->port));
    assert_int_not_equal(SSL_connect(ssl), 1);
    tls_close(ssl);
    SSL_CTX_free(old);
    ssl = tls_connect(t->port);
    static const char rq[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_true(SSL_write(ssl, rq, sizeof(rq) - 1) > 0);
    assert_int_equal(tls_answer(ssl), 200);
    tls_close(ssl);
}

static void bad_certificates_are_named(void **state)
{
    (void)state;
    struct server *s = NULL;
    struct errinfo info = {0};
    struct server_options o = {.tls_cert = "/nonexistent", .tls_key = key_path};
    assert_int_equal(server_new(&o, &s, &info), ERR_INVALID);
    assert_string_equal(info.field, "http.tls_cert");
    o.tls_cert = cert_path;
    o.tls_key = cert_path;
    assert_int_equal(server_new(&o, &s, &info), ERR_INVALID);
    assert_string_equal(info.field, "http.tls_key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_large_answers),
        cmocka_unit_test(uploads),
        cmocka_unit_test(sockets_echo),
        cmocka_unit_test(nonsense_and_silence),
        cmocka_unit_test(bad_certificates_are_named),
    };
    return cmocka_run_group_tests_name("net_tls", tests, start, stop);
}
