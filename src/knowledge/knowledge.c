#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "knowledge/article_store.h"
#include "knowledge/kb_store.h"
#include "knowledge/knowledge_internal.h"
#include "knowledge/starter.h"
#include "platform/crypto.h"

bool knowledge_starter_file(const char *path, struct str *out)
{
    for (unsigned i = 0; i < starter_n_files; i++) {
        if (strcmp(starter_files[i].path, path) == 0) {
            *out = (struct str){starter_files[i].bytes, starter_files[i].len};
            return true;
        }
    }
    return false;
}

struct knowledge *knowledge_new(const struct knowledge_deps *deps)
{
    struct knowledge *k = MEM_NEW(struct knowledge);
    k->deps = *deps;
    pthread_mutex_init(&k->gate, NULL);
    pthread_mutex_init(&k->building, NULL);
    k->current = kb_new_empty();
    struct str css = {0};
    char hash[65];
    ASSERT(knowledge_starter_file("help.css", &css));
    crypto_sha256_hex(css, hash);
    (void)snprintf(k->css_name, sizeof(k->css_name), "help.%.12s.css", hash);
    return k;
}

void knowledge_free(struct knowledge **k)
{
    if (*k != NULL) {
        kb_unref(&(*k)->current);
        pthread_mutex_destroy(&(*k)->gate);
        pthread_mutex_destroy(&(*k)->building);
        mem_free(*k);
        *k = NULL;
    }
}

struct load_arg {
    struct knowledge *k;
    struct kb *kb;
};

static enum err load_fn(struct db_txn *txn, void *arg)
{
    struct load_arg *a = arg;
    const struct kb *former = a->kb; /* of an attempt that the database repeats */
    kb_unref(&former);
    a->kb = NULL;
    return kb_store_load(txn, &a->k->deps, &a->kb);
}

enum err knowledge_reload(struct knowledge *k)
{
    struct load_arg a = {.k = k};
    pthread_mutex_lock(&k->building);
    enum err err = db_read(k->deps.db, load_fn, &a);
    const struct kb *old = a.kb;
    if (err == ERR_OK) {
        pthread_mutex_lock(&k->gate);
        old = k->current;
        k->current = a.kb;
        pthread_mutex_unlock(&k->gate);
    } else {
        LOG_ERROR("knowledge", "reload", log_cstr("err", err_name(err)));
    }
    pthread_mutex_unlock(&k->building);
    kb_unref(&old);
    return err;
}

/* ---- following ----
 * This process reloads after its own publications. What changes behind its back (the brand in the desk's settings, another node, a subcommand) is noticed here. */
#define CHECK_EVERY_NS (2 * 1000000000LL)

struct check_arg {
    struct knowledge *k;
    const struct kb *kb;
    bool is_current;
};

static enum err check_fn(struct db_txn *txn, void *arg)
{
    struct check_arg *a = arg;
    return kb_store_is_current(txn, &a->k->deps, a->kb, &a->is_current);
}

static const struct kb *current_ref(struct knowledge *k)
{
    pthread_mutex_lock(&k->gate);
    const struct kb *kb = kb_ref(k->current);
    pthread_mutex_unlock(&k->gate);
    return kb;
}

const struct kb *knowledge_ref(struct knowledge *k)
{
    int64_t now = time_monotonic_ns();
    int64_t due = atomic_load(&k->check_due_ns);
    if (due == 0 || now < due ||
        !atomic_compare_exchange_strong(&k->check_due_ns, &due, now + CHECK_EVERY_NS)) {
        return current_ref(k);
    }
    struct check_arg a = {.k = k, .kb = current_ref(k)};
    bool is_stale = db_read(k->deps.db, check_fn, &a) == ERR_OK && !a.is_current;
    kb_unref(&a.kb);
    if (is_stale && knowledge_reload(k) != ERR_OK) {
        LOG_WARN("knowledge", "still the former snapshot");
    }
    return current_ref(k);
}

static enum err ensure_key_fn(struct db_txn *txn, void *arg)
{
    return translation_store_set_feedback_key(txn, *(struct str *)arg);
}

static enum err has_key_fn(struct db_txn *txn, void *arg)
{
    UNUSED(arg);
    ARENA_AUTO arena = arena_new(0);
    struct str key;
    return translation_store_feedback_key(txn, arena, &key);
}

enum err knowledge_start(struct knowledge *k)
{
    enum err err = db_read(k->deps.db, has_key_fn, NULL);
    if (err == ERR_NOT_FOUND) {
        char bytes[32];
        rng_bytes(bytes, sizeof(bytes));
        struct str key = {bytes, sizeof(bytes)};
        err = db_write(k->deps.db, ensure_key_fn, &key);
    }
    if (err == ERR_OK) {
        err = knowledge_reload(k);
    }
    if (err == ERR_OK) {
        atomic_store(&k->check_due_ns, time_monotonic_ns() + CHECK_EVERY_NS);
        KB_AUTO kb = knowledge_ref(k);
        LOG_INFO("knowledge", "loaded", log_i64("en", (int64_t)kb_n_articles(kb, LANG_EN)),
                 log_i64("zh", (int64_t)kb_n_articles(kb, LANG_ZH_CN)),
                 log_i64("phrasings", (int64_t)kb_n_phrasings(kb)));
    }
    return err;
}
