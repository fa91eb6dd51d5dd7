#include "app/demo_content.h"

#include <stdio.h>

#include "base/check.h"
#include "base/log.h"

#define MAX_CANNED 128

static const struct str both_languages[] = {STR_INIT("en"), STR_INIT("zh-CN")};

static const struct person {
    const char *email, *name, *role, *what;
} people[] = {
    {"owner@demo.example", "Ines Costa", "owner", "owner"},
    {"supervisor@demo.example", "陈思远", "supervisor", "supervisor"},
    {"mei@demo.example", "王小美", "agent", "agent (中文, English)"},
    {"tom@demo.example", "Tom Becker", "agent", "agent (English, 中文)"},
};

void demo_content_print_people(void)
{
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        printf("    %-26s %s\n", people[i].email, people[i].what);
    }
}

static enum err make_people(struct program *p, struct errinfo *info)
{
    struct agent_id ids[ARRAY_LEN(people)];
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        struct identity_agent_spec spec = {
            .email = str_from(people[i].email),
            .name = str_from(people[i].name),
            .password = STR(DEMO_PASSWORD),
            .role_key = str_from(people[i].role),
            .languages = both_languages,
            .n_languages = ARRAY_LEN(both_languages),
            .capacity = 5,
            .skip_password_rules = true,
        };
        enum err err = identity_create_agent(p->identity, &spec, &ids[i], info);
        if (err != ERR_OK) {
            return err;
        }
    }
    struct team_id team;
    return identity_create_team(p->identity, STR("Support"), ids, ARRAY_LEN(ids), &team, info);
}

static enum err make_inbox(struct program *p, struct errinfo *info)
{
    struct desk_inbox_new inbox = {
        .key = STR(DEMO_INBOX_KEY),
        .name = STR("Website chat"),
        .greeting_en = STR("Hello! How can we help you today?"),
        .greeting_zh = STR("您好！请问有什么可以帮您？"),
        .accent = STR("#0f766e"),
        .bot_enabled = true,
        .secret = STR(DEMO_INBOX_SECRET),
    };
    struct inbox_id id;
    return desk_inbox_create(p->desk, &inbox, &id, info);
}

static enum err make_canned(struct program *p, const char *file, struct str language,
                            struct errinfo *info)
{
    struct str text;
    if (!knowledge_starter_file(file, &text)) {
        return err_set(info, ERR_INTERNAL, NULL, "content", "%s is not in this program", file);
    }
    struct json_doc *doc = NULL;
    enum err err = json_parse(text, text.len, &doc, info);
    if (err != ERR_OK) {
        return err;
    }
    for (const struct json *c = json_first(json_root(doc)); err == ERR_OK && c != NULL;
         c = json_next(c)) {
        err = desk_canned_create(p->desk, json_str(json_find(c, "shortcut")), language,
                                 json_str(json_find(c, "title")), json_str(json_find(c, "body")));
    }
    json_doc_free(&doc);
    return err;
}

static enum err store_brand(struct db_txn *txn, void *arg)
{
    struct program *p = arg;
    struct identity_hooks hooks = desk_identity_hooks(p->desk);
    return hooks.brand_store(hooks.arg, txn, STR("Nova Exchange"));
}

enum err demo_content_make(struct program *p, struct errinfo *info)
{
    bool needs_owner = false;
    enum err err = identity_needs_owner(p->identity, &needs_owner);
    if (err != ERR_OK || !needs_owner) {
        return err;
    }
    LOG_INFO("app", "making the demo's content");
    err = db_write(p->db, store_brand, p);
    if (err == ERR_OK) {
        err = make_inbox(p, info);
    }
    struct knowledge_import imported;
    if (err == ERR_OK) {
        err = knowledge_import_starter(p->knowledge, actor_system(), true, &imported, info);
    }
    if (err == ERR_OK) {
        err = make_canned(p, "canned/en.json", STR("en"), info);
    }
    if (err == ERR_OK) {
        err = make_canned(p, "canned/zh-CN.json", STR("zh-CN"), info);
    }
    /* People last: they are what tells that the content is there. */
    return err == ERR_OK ? make_people(p, info) : err;
}
