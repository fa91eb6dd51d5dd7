#include "knowledge/help_text.h"

#include "base/check.h"

static const char *const texts[HELP_TEXT_COUNT][LANG_COUNT] = {
    [HELP_SKIP] = {"Skip to content", "跳到正文"},
    [HELP_CENTRE] = {"Help centre", "帮助中心"},
    [HELP_HOW_CAN_WE_HELP] = {"How can we help?", "有什么可以帮您？"},
    [HELP_SEARCH_LABEL] = {"Search the help centre", "搜索帮助中心"},
    [HELP_SEARCH_PLACEHOLDER] = {"e.g. deposit not credited", "例如：充值没到账"},
    [HELP_SEARCH] = {"Search", "搜索"},
    [HELP_TOPICS] = {"Browse by topic", "按主题浏览"},
    [HELP_POPULAR] = {"What people ask most", "大家常问"},
    [HELP_ARTICLES] = {"%zu articles", "%zu 篇文章"},
    [HELP_ARTICLE_ONE] = {"1 article", "1 篇文章"},
    [HELP_ON_THIS_PAGE] = {"On this page", "本页内容"},
    [HELP_UPDATED] = {"Updated", "更新于"},
    [HELP_RELATED] = {"Related articles", "相关文章"},
    [HELP_WAS_THIS_HELPFUL] = {"Was this helpful?", "这篇文章有帮助吗？"},
    [HELP_YES] = {"Yes", "有帮助"},
    [HELP_NO] = {"No", "没有帮助"},
    [HELP_THANKS] = {"Thank you. Good to know.", "谢谢，我们知道了。"},
    [HELP_SORRY] = {"Thank you for telling us. We will look at this article again.",
                    "谢谢您的反馈，我们会重新看看这篇文章。"},
    [HELP_STILL_NEED_HELP] = {"Still need help?", "还需要帮助？"},
    [HELP_CONTACT_TEXT] = {"Write to us at any time. An assistant answers at once, and a person "
                           "takes over whenever you ask.",
                           "随时可以联系我们。智能助手马上回复，只要您说一声，就转给人工。"},
    [HELP_CONTACT_NO_LINK] =
        {"Open the chat on our website or in our app. An assistant answers at once, and a person "
         "takes over whenever you ask.",
         "请在我们的网站或应用里打开在线客服。智能助手马上回复，只要您说一声，就转给人工。"},
    [HELP_CONTACT] = {"Contact support", "联系客服"},
    [HELP_NEVER_ASK] =
        {"never asks for your password, verification codes, seed phrase or private key, and never "
         "asks you to move coins to a \"safe\" address.",
         "从不索要您的密码、验证码、助记词或私钥，也从不让您把币转到所谓“安全地址”。"},
    [HELP_VERIFY] = {"Check that support is real", "核实客服真伪"},
    [HELP_RESULTS_FOR] = {"Results for", "搜索结果："},
    [HELP_NO_RESULTS] = {"Nothing found for", "没有找到："},
    [HELP_NO_RESULTS_TEXT] =
        {"Try fewer or other words, such as the coin and what you expected to happen. Or look "
         "through a topic, or ask us.",
         "换几个词试试，比如币种和您遇到的情况；也可以按主题查找，或者直接问我们。"},
    [HELP_MISSING] = {"This page does not exist", "没有这个页面"},
    [HELP_MISSING_TEXT] = {"The address may be mistyped, or the article was withdrawn. Search for "
                           "it, or start from the topics.",
                           "可能是网址有误，或者文章已经下线。可以搜索，或从主题开始找。"},
    [HELP_HOME] = {"Help centre", "帮助中心"},
    [HELP_BREADCRUMBS] = {"Breadcrumbs", "当前位置"},
    [HELP_LANGUAGE] = {"Language", "语言"},
    [HELP_DESCRIPTION] =
        {"Answers about deposits, withdrawals, account security, trading and fees.",
         "关于充值、提币、账户安全、交易和费用的解答。"},
    [HELP_EMPTY] = {"No articles have been published in this language yet.",
                    "这个语言还没有发布文章。"},
    [HELP_MONEY_NOTE] =
        {"Your money may be at risk? Write to us now: such messages go to a person first.",
         "资金可能有危险？请马上联系我们，这类消息会优先转给人工。"},
};

const char *help_text(enum lang lang, enum help_text text)
{
    ASSERT((unsigned)text < HELP_TEXT_COUNT && texts[text][lang] != NULL);
    return texts[text][lang];
}

const char *help_lang_name(enum lang lang)
{
    static const char *const names[LANG_COUNT] = {"English", "简体中文"};
    return names[lang];
}

static const struct {
    const char *name, *paths;
} icons[] = {
    {"compass", "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"m15.5 8.5-2 5-5 2 2-5z\"/>"},
    {"lock", "<rect x=\"5\" y=\"10.5\" width=\"14\" height=\"9.5\" rx=\"2\"/><path d=\"M8 10.5V8a4 "
             "4 0 0 1 8 0v2.5M12 14.5v2\"/>"},
    {"download", "<path d=\"M12 4v10.5m-4-4 4 4 4-4M5 19.5h14\"/>"},
    {"upload", "<path d=\"M12 15V4.5m-4 4 4-4 4 4M5 19.5h14\"/>"},
    {"chart", "<path d=\"M4.5 4.5v15h15M8 15l3.5-4 3 2.5L19 8\"/>"},
    {"people", "<circle cx=\"9\" cy=\"8.5\" r=\"3\"/><path d=\"M3.5 19c.4-3.2 2.6-5 5.5-5s5.1 1.8 "
               "5.5 5M15.5 5.8a3 3 0 0 1 0 5.4M17 14.3c2 .6 3.2 2.2 3.5 4.7\"/>"},
    {"receipt", "<path d=\"M6 4.5h12V20l-2-1.3-2 1.3-2-1.3L10 20l-2-1.3L6 20zM9 9h6m-6 4h6\"/>"},
    {"shield", "<path d=\"M12 3.8 5 6.5v5c0 4.3 2.8 7.3 7 8.7 4.2-1.4 7-4.4 7-8.7v-5zM9 12l2.2 "
               "2.2L15.2 10\"/>"},
    {"speech", "<path d=\"M5 5h14a1.5 1.5 0 0 1 1.5 1.5v8A1.5 1.5 0 0 1 19 16h-7l-4.5 3.8V16H5a1.5 "
               "1.5 0 0 1-1.5-1.5v-8A1.5 1.5 0 0 1 5 5z\"/>"},
};

const char *help_icon(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(icons); i++) {
        if (str_eq_cstr(name, icons[i].name)) {
            return icons[i].paths;
        }
    }
    return "<path d=\"M7 3.5h7l4 4V20a.5.5 0 0 1-.5.5h-10.5A.5.5 0 0 1 6.5 20V4a.5.5 0 0 1 "
           ".5-.5zM14 3.5V8h4M9.5 12h5m-5 4h5\"/>";
}
