#include "chat_real.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/json.h"
#include "base/mem.h"
#include "chat_wires.h"

#define BATCH 250 /* each says hello within its five seconds */
#define PASSWORD "plum-tram-velvet-93 orbit"
#define DEMO_PASSWORD "stablehand demo"

static _Noreturn void fail(const char *what, int status, const char *answer)
{
    (void)fprintf(stderr, "chat: %s: %d %.400s\n", what, status, answer);
    exit(1);
}

/* ---- requests ---- */

static struct json_doc *call(struct real_server *s, const struct chat_agent *as, const char *method,
                             const char *path, const char *body)
{
    static char answer[262144];
    char headers[1024] = "";
    if (as != NULL) {
        (void)snprintf(headers, sizeof(headers),
                       "%sOrigin: http://127.0.0.1:%d\r\nX-CSRF-Token: %s\r\n", as->cookie, s->port,
                       as->csrf);
    }
    int status = real_server_request(s, method, path, headers, body, answer, sizeof(answer));
    struct json_doc *doc = NULL;
    if (status < 200 || status > 299 ||
        json_parse(str_from(answer), sizeof(answer), &doc, NULL) != ERR_OK) {
        fail(path, status, answer);
    }
    return doc;
}

static void take_text(const struct json *o, const char *key, char *out, size_t size)
{
    struct str s = json_str(json_find(o, key));
    ASSERT(s.len > 0 && s.len < size);
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
}

/* The answer of signing in. */
static void keep_session(struct real_server *s, const struct json_doc *me, struct chat_agent *out)
{
    (void)snprintf(out->cookie, sizeof(out->cookie), "Cookie: %s\r\n", s->cookie);
    take_text(json_root(me), "csrf_token", out->csrf, sizeof(out->csrf));
}

static void sign_in_owner(struct chat_real *r)
{
    struct json_doc *me =
        call(&r->nodes[0], NULL, "POST", "/api/v1/session",
             "{\"email\":\"owner@demo.example\",\"password\":\"" DEMO_PASSWORD "\"}");
    keep_session(&r->nodes[0], me, &r->owner);
    json_doc_free(&me);
}

static void find_role(struct chat_real *r, char *id_out, size_t size)
{
    struct json_doc *roles = call(&r->nodes[0], &r->owner, "GET", "/api/v1/roles", "");
    for (const struct json *i = json_first(json_find(json_root(roles), "items")); i != NULL;
         i = json_next(i)) {
        if (str_eq_cstr(json_str(json_find(i, "key")), "agent")) {
            take_text(i, "id", id_out, size);
        }
    }
    json_doc_free(&roles);
}

/* Busy: nothing is offered to it, and what it has stays with it. */
static void make_agent(struct chat_real *r, size_t k, const char *role)
{
    char body[512];
    char link[512];
    (void)snprintf(body, sizeof(body), "{\"email\":\"agent%zu@bench.example\",\"role_id\":\"%s\"}",
                   k, role);
    struct json_doc *doc = call(&r->nodes[0], &r->owner, "POST", "/api/v1/invitations", body);
    take_text(json_root(doc), "link", link, sizeof(link));
    json_doc_free(&doc);
    const char *token = strchr(link, '#');
    ASSERT(token != NULL);
    (void)snprintf(body, sizeof(body),
                   "{\"token\":\"%s\",\"name\":\"Agent %zu\",\"password\":\"" PASSWORD "\"}",
                   token + 1, k);
    doc = call(&r->nodes[0], NULL, "POST", "/api/v1/invitation-acceptances", body);
    keep_session(&r->nodes[0], doc, &r->agents[k]);
    json_doc_free(&doc);
    doc = call(&r->nodes[0], &r->agents[k], "PUT", "/api/v1/presence", "{\"status\":\"busy\"}");
    json_doc_free(&doc);
}

static void make_people(struct chat_real *r)
{
    char role[32] = "";
    char inbox[64];
    sign_in_owner(r);
    struct json_doc *doc =
        call(&r->nodes[0], &r->owner, "POST", "/api/v1/inboxes",
             "{\"name\":\"Bench\",\"allowed_origins\":[],\"greeting\":{\"en\":\"Hi\",\"zh-CN\":"
             "\"Hi\"},\"accent\":\"#0f766e\",\"bot_enabled\":false}");
    take_text(json_root(doc), "key", inbox, sizeof(inbox));
    json_doc_free(&doc);
    find_role(r, role, sizeof(role));
    for (size_t k = 0; k < r->n_agents; k++) {
        make_agent(r, k, role);
    }
    for (size_t k = 0; k < r->n_customers; k++) {
        real_server_visitor_of(&r->nodes[0], inbox, r->tokens[k]);
    }
}

/* ---- sockets ---- */

/* First messages: the acknowledgement names the conversation, which its agent then answers. */
static void on_begun(struct chat_real *r, const struct json *ack)
{
    char frame[512];
    unsigned customer = 0;
    if (sscanf(json_str(json_find(ack, "client_id")).p, "begin-%08u", &customer) == 1) {
        int len =
            snprintf(frame, sizeof(frame),
                     "{\"t\":\"send\",\"conversation_id\":\"" STR_FMT
                     "\",\"message\":{\"client_id\":\"take-%08u\",\"kind\":\"public\",\"body\":"
                     "\"Hello, I am looking into it.\"}}",
                     STR_ARG(json_str(json_find(ack, "conversation_id"))), customer);
        r->n_begun++;
        size_t agent = customer % r->n_agents;
        loadgen_send(r->at_desk[agent % r->n_nodes], agent / r->n_nodes, frame, (size_t)len);
    }
}

static void on_setup_text(struct chat_real *r, bool is_agent, const char *text, size_t len)
{
    struct json_doc *doc = NULL;
    ASSERT(json_parse((struct str){text, len}, len, &doc, NULL) == ERR_OK);
    struct str t = json_str(json_find(json_root(doc), "t"));
    if (str_eq_cstr(t, "live")) {
        r->n_live++;
    } else if (str_eq_cstr(t, "nack")) {
        fail("refused", 0, text);
    } else if (str_eq_cstr(t, "ack") && is_agent) {
        r->n_taken++;
    } else if (str_eq_cstr(t, "ack")) {
        on_begun(r, json_root(doc));
    }
    json_doc_free(&doc);
}

/* Agents keep their index in a load, customers stand behind them. */
static void on_text(struct chat_real *r, bool is_agent, size_t conn, const char *text, size_t len)
{
    if (r->load != NULL) {
        chat_load_ops()->on_text(r->load, is_agent ? conn : r->n_agents + conn, text, len);
    } else {
        on_setup_text(r, is_agent, text, len);
    }
}

static void on_agent_text(void *arg, size_t conn, const char *text, size_t len)
{
    on_text(arg, true, conn, text, len);
}

static void on_customer_text(void *arg, size_t conn, const char *text, size_t len)
{
    on_text(arg, false, conn, text, len);
}

static void on_close(void *arg, size_t conn, int code)
{
    UNUSED(arg);
    (void)fprintf(stderr, "chat: socket %zu was closed with %d\n", conn, code);
}

static const struct loadgen_ops agent_ops = {.on_text = on_agent_text, .on_close = on_close};
static const struct loadgen_ops customer_ops = {.on_text = on_customer_text, .on_close = on_close};

/* Until *count is `wanted`. */
static void wait_for(struct chat_real *r, struct loadgen *g, const size_t *count, size_t wanted,
                     const char *what)
{
    int64_t give_up = loadgen_now_ns() + 60000000000LL;
    while (*count < wanted && loadgen_now_ns() < give_up) {
        chat_real_tend(r);
        (void)loadgen_poll(g, 1000);
    }
    if (*count < wanted) {
        (void)fprintf(stderr, "chat: %zu of %zu %s\n", *count, wanted, what);
        for (size_t i = 0; i < r->n_nodes; i++) {
            real_server_tell_log(&r->nodes[i]);
        }
        exit(1);
    }
}

static void connect_agents(struct chat_real *r)
{
    char hello[256];
    for (size_t k = 0; k < r->n_agents; k++) {
        size_t node = k % r->n_nodes;
        if (r->at_desk[node] == NULL) {
            r->at_desk[node] =
                loadgen_new(r->nodes[node].port, "/api/v1/socket", "", &agent_ops, r);
        }
        struct loadgen *g = r->at_desk[node];
        char headers[400];
        (void)snprintf(headers, sizeof(headers), "%sOrigin: http://127.0.0.1:%d\r\n",
                       r->agents[k].cookie, r->nodes[node].port);
        loadgen_aim(g, "/api/v1/socket", headers);
        if (!loadgen_connect(g, 1)) {
            fail("agent", 0, loadgen_error(g));
        }
        int len = snprintf(hello, sizeof(hello),
                           "{\"t\":\"hello\",\"csrf_token\":\"%s\",\"have\":null,\"tab\":\"1\"}",
                           r->agents[k].csrf);
        loadgen_send(g, k / r->n_nodes, hello, (size_t)len);
    }
    wait_for(r, r->at_desk[0], &r->n_live, r->n_agents, "agents are live");
}

/* As a client that has fetched what it missed: nothing is replayed (after a visit at full speed there may be more than one replay holds). */
static size_t write_hello(struct chat_real *r, size_t customer, char *out, size_t size)
{
    static char answer[65536];
    char headers[256];
    (void)snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\n", r->tokens[customer]);
    int status = real_server_request(&r->nodes[0], "GET", "/api/v1/visitor/conversations", headers,
                                     "", answer, sizeof(answer));
    struct json_doc *doc = NULL;
    if (status != 200 || json_parse(str_from(answer), sizeof(answer), &doc, NULL) != ERR_OK) {
        fail("visitor's conversations", status, answer);
    }
    const struct json *c = json_first(json_find(json_root(doc), "items"));
    int len = c == NULL
                  ? snprintf(out, size,
                             "{\"t\":\"hello\",\"token\":\"%s\",\"conversation_id\":null,"
                             "\"have\":0}",
                             r->tokens[customer])
                  : snprintf(out, size,
                             "{\"t\":\"hello\",\"token\":\"%s\",\"conversation_id\":\"" STR_FMT
                             "\",\"have\":%lld}",
                             r->tokens[customer], STR_ARG(json_str(json_find(c, "id"))),
                             (long long)json_num(json_find(c, "last_seq")));
    json_doc_free(&doc);
    ASSERT(len > 0 && (size_t)len < size);
    return (size_t)len;
}

/* n more sockets of g become the customers first, first + 1, ... (i % modulo). */
static void connect_customers(struct chat_real *r, struct loadgen *g, size_t first, size_t modulo,
                              size_t n)
{
    char hello[256];
    size_t at = loadgen_open(g);
    for (size_t done = 0; done < n;) {
        size_t m = n - done < BATCH ? n - done : BATCH;
        if (!loadgen_connect(g, m)) {
            fail("customer", 0, loadgen_error(g));
        }
        size_t wanted = r->n_live + m;
        for (size_t i = done; i < done + m; i++) {
            size_t len = write_hello(r, first + i % modulo, hello, sizeof(hello));
            loadgen_send(g, at + i, hello, len);
        }
        wait_for(r, g, &r->n_live, wanted, "sockets are live");
        done += m;
    }
}

static struct loadgen *new_customers(struct chat_real *r, size_t node)
{
    return loadgen_new(r->nodes[node].port, "/api/v1/visitor/socket", "", &customer_ops, r);
}

struct loadgen *chat_real_connect(struct chat_real *r, size_t node, size_t first, size_t n)
{
    ASSERT(first + n <= r->n_customers);
    struct loadgen *g = new_customers(r, node);
    connect_customers(r, g, first, n, n);
    return g;
}

void chat_real_connect_more(struct chat_real *r, struct loadgen *g, size_t first, size_t n)
{
    connect_customers(r, g, first, r->n_customers - first, n);
}

void chat_real_tend(struct chat_real *r)
{
    for (size_t i = 0; i < r->n_nodes; i++) {
        (void)loadgen_poll(r->at_desk[i], 0);
    }
}

/* ---- conversations ---- */

static void begin_conversations(struct chat_real *r)
{
    char frame[256];
    struct loadgen *g = new_customers(r, 0);
    for (size_t done = 0; done < r->n_customers;) {
        size_t m = r->n_customers - done < BATCH ? r->n_customers - done : BATCH;
        connect_customers(r, g, done, m, m);
        for (size_t i = done; i < done + m; i++) {
            int len = snprintf(frame, sizeof(frame),
                               "{\"t\":\"send\",\"message\":{\"client_id\":\"begin-%08u\","
                               "\"body\":\"My deposit has not arrived\"}}",
                               (unsigned)i);
            loadgen_send(g, i, frame, (size_t)len);
        }
        done += m;
        wait_for(r, g, &r->n_begun, done, "conversations began");
        wait_for(r, g, &r->n_taken, done, "conversations were taken");
    }
    loadgen_free(&g);
}

/* Nodes hold one secret. */
static void copy_key(const char *from, const char *to)
{
    char key[4096];
    char path[600];
    ASSERT(mkdir(to, 0700) == 0);
    (void)snprintf(path, sizeof(path), "%s/secret.key", from);
    FILE *f = fopen(path, "re");
    ASSERT(f != NULL);
    size_t n = fread(key, 1, sizeof(key), f);
    (void)fclose(f);
    (void)snprintf(path, sizeof(path), "%s/secret.key", to);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT(fd >= 0 && write(fd, key, n) == (ssize_t)n && close(fd) == 0);
}

static void start_nodes(struct chat_real *r, const char *argv0, const struct chat_real_setup *setup)
{
    const char *settings[16] = {"--chat.visitor_frames_per_second=1000000",
                                "--chat.agent_frames_per_second=1000000"};
    size_t n = 2;
    for (const char *const *s = setup->settings; s != NULL && *s != NULL; s++) {
        ASSERT(n + 1 < ARRAY_LEN(settings));
        settings[n++] = *s;
    }
    real_server_start_in(&r->nodes[0], argv0, setup->dir, settings);
    for (size_t i = 1; i < r->n_nodes; i++) {
        char dir[512];
        (void)snprintf(dir, sizeof(dir), "%s-%zu", setup->dir, i);
        copy_key(setup->dir, dir);
        real_server_start_in(&r->nodes[i], argv0, dir, settings);
    }
}

void chat_real_start(struct chat_real *r, const char *argv0, const struct chat_real_setup *setup)
{
    ASSERT(setup->n_nodes >= 1 && setup->n_nodes <= CHAT_NODES_MAX);
    *r = (struct chat_real){
        .n_nodes = setup->n_nodes, .n_agents = setup->n_agents, .n_customers = setup->n_customers};
    r->agents = MEM_NEW_ARRAY(struct chat_agent, r->n_agents);
    r->tokens = mem_calloc(r->n_customers, sizeof(r->tokens[0]));
    start_nodes(r, argv0, setup);
    make_people(r);
    connect_agents(r);
    begin_conversations(r);
}

void chat_real_stop(struct chat_real *r)
{
    for (size_t i = 0; i < r->n_nodes; i++) {
        loadgen_free(&r->at_desk[i]);
        real_server_stop(&r->nodes[i]);
    }
    mem_free(r->agents);
    mem_free(r->tokens);
}

struct chat_load *chat_real_load(struct chat_real *r, struct loadgen *g, size_t n)
{
    struct chat_wire wire = chat_wire_real(&r->n_agents);
    r->load = chat_load_new(&wire);
    for (size_t i = 0; i < r->n_nodes; i++) {
        chat_load_add(r->load, r->at_desk[i], 0, 0);
    }
    chat_load_add(r->load, g, 0, n);
    return r->load;
}

void chat_real_unload(struct chat_real *r)
{
    chat_load_free(&r->load);
}
