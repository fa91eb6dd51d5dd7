/* See chat_rows.h. */
#include "chat_rows.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/utf8.h"

bool bench_has(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], flag) == 0) {
            return true;
        }
    }
    return false;
}

void bench_dir_make(int argc, char **argv, char *dir_out, size_t size)
{
    const char *where = ".";
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--dir") == 0) {
            where = argv[i + 1];
        }
    }
    (void)snprintf(dir_out, size, "%s/bench-XXXXXX", where);
    ASSERT(mkdtemp(dir_out) != NULL);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void bench_dir_remove(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- chat rows ---- */

const struct db_migration bench_chat_migrations[BENCH_N_CHAT_MIGRATIONS] = {
    {1, "chat",
     "CREATE TABLE conversations (id {{ID}}, customer_id {{I64}} NOT NULL, inbox_id {{I64}} NOT "
     "NULL, state INTEGER NOT NULL, handler INTEGER NOT NULL,"
     " assignee_id {{I64}}, created_at {{TIME}} NOT NULL, updated_at {{TIME}} NOT NULL, "
     "waiting_since {{TIME}}, queued_at {{TIME}},"
     " last_seq {{I64}} NOT NULL, last_customer_seq {{I64}} NOT NULL, unread INTEGER NOT NULL, "
     "preview TEXT NOT NULL, preview_at {{TIME}} NOT NULL,"
     " resolved_at {{TIME}}) {{STRICT}};"
     "CREATE INDEX conversations_of_customer ON conversations (customer_id, id);"
     "CREATE INDEX conversations_of_assignee ON conversations (assignee_id) WHERE state <> 3;"
     "CREATE INDEX conversations_by_handler ON conversations (handler, queued_at) WHERE state <> 3;"
     "CREATE TABLE messages (id {{ID}}, conversation_id {{I64}} NOT NULL, seq {{I64}} NOT NULL, "
     "client_id TEXT, author_kind INTEGER NOT NULL,"
     " author_id {{I64}} NOT NULL, author_name TEXT NOT NULL, kind INTEGER NOT NULL, is_public "
     "INTEGER NOT NULL, body TEXT NOT NULL,"
     " created_at {{TIME}} NOT NULL, UNIQUE (conversation_id, seq)) {{STRICT}};"
     "CREATE UNIQUE INDEX messages_retry ON messages (author_id, author_kind, client_id) WHERE "
     "client_id IS NOT NULL;"
     "CREATE TABLE events (id {{ID}}, conversation_id {{I64}}, seq {{I64}} NOT NULL, kind TEXT NOT "
     "NULL, is_public INTEGER NOT NULL,"
     " payload TEXT NOT NULL, at {{TIME}} NOT NULL, assignee_id {{I64}}, team_id {{I64}}, UNIQUE "
     "(conversation_id, seq)) {{STRICT}};"},
};

static const char *const words_en[] = {
    "the",     "my",    "withdrawal", "is",     "pending",  "since",   "yesterday",
    "please",  "check", "deposit",    "USDT",   "refund",   "account", "frozen",
    "order",   "not",   "filled",     "wallet", "address",  "network", "TRC20",
    "confirm", "fee",   "support",    "hours",  "waiting",  "KYC",     "verification",
    "code",    "login", "password",   "reset",  "transfer", "bank",    "card",
    "price",   "limit", "market",     "sell",   "buy"};
static const char *const words_zh[] = {
    "提现", "充值",   "到账", "没有", "冻结", "账户", "退款", "申请",   "客服", "您好",
    "请问", "什么",   "时候", "可以", "处理", "订单", "成交", "手续费", "地址", "网络",
    "确认", "验证码", "身份", "认证", "登录", "密码", "重置", "银行卡", "限额", "价格",
    "市场", "买入",   "卖出", "已经", "等待", "小时", "昨天", "今天",   "谢谢", "帮忙"};

size_t bench_text(uint64_t i, char *out, size_t size)
{
    struct rng rng;
    rng_init(&rng, i + 1);
    bool is_zh = rng_below(&rng, 10) < 4;
    size_t len = 0;
    size_t want = 200 + (size_t)rng_below(&rng, 200);
    while (len < want && len + 24 < size) {
        /* Zipf-like: low numbers often */
        uint64_t a = rng_below(&rng, 40);
        uint64_t b = rng_below(&rng, 40);
        size_t at = (size_t)(a * b / 40);
        if (rng_below(&rng, 24) == 0) {
            char rare[4];
            for (int k = 0; is_zh && k < 2; k++) {
                size_t n = utf8_put(0x4e00 + (uint32_t)rng_below(&rng, 20000), rare);
                memcpy(out + len, rare, n);
                len += n;
            }
            if (!is_zh) {
                len += (size_t)snprintf(out + len, size - len, "%08x ",
                                        (unsigned)rng_below(&rng, 1U << 30));
            }
            continue;
        }
        len += (size_t)snprintf(out + len, size - len, is_zh ? "%s" : "%s ",
                                is_zh ? words_zh[at] : words_en[at]);
        if (is_zh && rng_below(&rng, 8) == 0) {
            len += (size_t)snprintf(out + len, size - len, "，");
        }
    }
    out[len] = '\0';
    return len;
}

struct fill {
    int64_t from, n, total;
};

static enum err fill_conversations(struct db_txn *txn, void *arg)
{
    (void)arg;
    for (int64_t i = 1; i <= BENCH_CONVERSATIONS; i++) {
        enum err err = DB_EXEC(txn,
                               "INSERT INTO conversations (customer_id, inbox_id, state, handler, "
                               "assignee_id, created_at, updated_at, last_seq, "
                               "last_customer_seq, unread, preview, preview_at) VALUES ($1, 1, 0, "
                               "2, $2, 1, 1, 0, 0, 0, '', 1)",
                               db_i64(i), db_i64(i % 50 + 1));
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err fill_some(struct db_txn *txn, void *arg)
{
    struct fill *f = arg;
    char text[512];
    char client[32];
    char payload[700];
    for (int64_t i = f->from; i < f->from + f->n; i++) {
        struct str body = {text, bench_text((uint64_t)i, text, sizeof(text))};
        int64_t c = i % BENCH_CONVERSATIONS + 1;
        int64_t seq = i / BENCH_CONVERSATIONS + 1;
        (void)snprintf(client, sizeof(client), "fill-%016llx", (unsigned long long)i);
        int payload_len = snprintf(payload, sizeof(payload), "{\"id\":\"%lld\",\"body\":\"%s\"}",
                                   (long long)i, text);
        enum err err =
            DB_EXEC(txn,
                    "INSERT INTO messages (conversation_id, seq, client_id, author_kind, "
                    "author_id, author_name, kind, is_public, body, "
                    "created_at) VALUES ($1, $2, $3, 0, $1, 'Li Wei', 0, 1, $4, $5)",
                    db_i64(c), db_i64(seq), db_text(str_from(client)), db_text(body), db_i64(i));
        if (err == ERR_OK) {
            err =
                DB_EXEC(txn,
                        "INSERT INTO events (conversation_id, seq, kind, is_public, payload, at, "
                        "assignee_id, team_id) "
                        "VALUES ($1, $2, 'message.created', 1, $3, $4, $5, 1)",
                        db_i64(c), db_i64(seq), db_text((struct str){payload, (size_t)payload_len}),
                        db_i64(i), db_i64(c % 50 + 1));
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err fill_seqs(struct db_txn *txn, void *arg)
{
    const struct fill *f = arg;
    return DB_EXEC(txn, "UPDATE conversations SET last_seq = $1",
                   db_i64(f->total / BENCH_CONVERSATIONS + 1));
}

void bench_chat_fill(struct db *db, int64_t n_messages)
{
    struct fill f = {.total = n_messages};
    ASSERT(db_write(db, fill_conversations, NULL) == ERR_OK);
    for (f.from = 0; f.from < n_messages; f.from += f.n) {
        f.n = n_messages - f.from < 10000 ? n_messages - f.from : 10000;
        ASSERT(db_write(db, fill_some, &f) == ERR_OK);
    }
    ASSERT(db_write(db, fill_seqs, &f) == ERR_OK);
}
