#include "identity/permission.h"

#include "base/check.h"

_Static_assert(PERM_COUNT <= 64, "a set is one word");

static const struct permission_info table[PERM_COUNT] = {
    [PERM_CONVERSATION_READ] = {"conversation.read",
                                "Read conversations of one's own, of one's teams and of no team",
                                "查看自己的、本组的以及未分组的会话"},
    [PERM_CONVERSATION_READ_ALL] = {"conversation.read_all", "Read every conversation",
                                    "查看所有会话"},
    [PERM_CONVERSATION_REPLY] = {"conversation.reply",
                                 "Write to customers, take notes, change the state",
                                 "回复客户、写备注、变更会话状态"},
    [PERM_CONVERSATION_ASSIGN] = {"conversation.assign", "Give conversations to agents and teams",
                                  "把会话分配给客服或小组"},
    [PERM_CUSTOMER_READ] = {"customer.read", "See customers' profiles", "查看客户资料"},
    [PERM_CUSTOMER_EDIT] = {"customer.edit", "Change customers' profiles and notes",
                            "修改客户资料和备注"},
    [PERM_AGENT_MANAGE] = {"agent.manage", "Invite, change and deactivate agents",
                           "邀请、修改和停用客服"},
    [PERM_ROLE_MANAGE] = {"role.manage", "Make and change roles", "新建和修改角色"},
    [PERM_TEAM_MANAGE] = {"team.manage", "Make, change and remove teams", "新建、修改和删除小组"},
    [PERM_APIKEY_MANAGE] = {"apikey.manage", "Make and revoke API keys", "新建和吊销 API 密钥"},
    [PERM_INBOX_MANAGE] = {"inbox.manage", "Set up inboxes and their signing secrets",
                           "设置收件箱及其签名密钥"},
    [PERM_WORKSPACE_MANAGE] = {"workspace.manage", "Change settings of the whole desk",
                               "修改整个工作台的设置"},
    [PERM_CANNED_MANAGE] = {"canned.manage", "Make and change canned replies",
                            "新建和修改快捷回复"},
    [PERM_ARTICLE_READ] = {"article.read", "Read articles and their drafts", "查看文章和草稿"},
    [PERM_ARTICLE_MANAGE] = {"article.manage", "Write articles and categories", "编写文章和分类"},
    [PERM_ARTICLE_PUBLISH] = {"article.publish", "Publish and withdraw articles", "发布和撤回文章"},
    [PERM_BOT_READ] = {"bot.read", "See and try the bot's settings", "查看和试用机器人设置"},
    [PERM_BOT_MANAGE] = {"bot.manage", "Change the bot's settings", "修改机器人设置"},
    [PERM_LIVE_READ] = {"live.read", "See the live page", "查看实时看板"},
    [PERM_AUDIT_READ] = {"audit.read", "Read the audit log", "查看审计日志"},
};

static uint64_t bit(enum permission p)
{
    return (uint64_t)1 << (unsigned)p;
}

const struct permission_info *permission_get(enum permission p)
{
    ASSERT(p >= 0 && p < PERM_COUNT);
    return &table[p];
}

bool permission_parse(struct str name, enum permission *out)
{
    for (int p = 0; p < PERM_COUNT; p++) {
        if (str_eq_cstr(name, table[p].name)) {
            *out = (enum permission)p;
            return true;
        }
    }
    return false;
}

bool permission_set_has(struct permission_set set, enum permission p)
{
    return (set.bits & bit(p)) != 0;
}

struct permission_set permission_set_with(struct permission_set set, enum permission p)
{
    return (struct permission_set){set.bits | bit(p)};
}

struct permission_set permission_set_all(void)
{
    return (struct permission_set){(bit(PERM_COUNT) - 1)};
}

bool permission_set_covers(struct permission_set whole, struct permission_set part)
{
    return (part.bits & ~whole.bits) == 0;
}

struct permission_set permission_set_intersect(struct permission_set a, struct permission_set b)
{
    return (struct permission_set){a.bits & b.bits};
}
