/* The policy by tables: what is said, to whom it goes, what is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "bot/dialogue.h"

static struct phrases *phrases;

static struct str file_read(struct arena *arena, const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = arena_alloc(arena, 200000);
    size_t n = fread(p, 1, 200000, f);
    (void)fclose(f);
    return (struct str){p, n};
}

static int begin(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    struct errinfo info = {0};
    if (phrases_parse(file_read(arena, TEST_DATA_DIR "/../../content/phrases.json"), &phrases,
                      &info) != ERR_OK) {
        fail_msg("%s %s", info.field, info.message);
    }
    return 0;
}

static int end(void **state)
{
    UNUSED(state);
    phrases_free(&phrases);
    return 0;
}

/* ---- words ---- */

static void words_are_found(void **state)
{
    UNUSED(state);
    enum {
        HUMAN = 1,
        MONEY = 2,
        GREET = 4,
        THANKS = 8,
        BYE = 16,
        YES = 32,
        NO = 64,
        ABOUT = 128,
        ABUSE = 256
    };
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        {"human", HUMAN},
        {"HUMAN!!", HUMAN},
        {"ｈｕｍａｎ", HUMAN},
        {"I want to talk to a person", HUMAN},
        {"人工", HUMAN},
        {"轉人工", HUMAN},
        {"转 人 工", 0},
        {"agent", HUMAN},
        {"agent?", HUMAN},
        {"user agent string", 0},
        {"我要找客服", HUMAN},
        {"客服", HUMAN},
        {"人工智能是什么", 0},
        {"human error in my order", 0},
        {"humanity", 0},
        {"怎么识别假客服", 0},
        {"rg", HUMAN},
        {"large", 0},
        {"my account was hacked", MONEY},
        {"hackathon dates", 0},
        {"我的币被盗了", MONEY},
        {"我的幣被盜了", MONEY},
        {"怎么防被盗", 0},
        {"hi", GREET},
        {"Hello!", GREET},
        {"你好", GREET},
        {"你好，充值没到账", 0},
        {"thanks", THANKS},
        {"谢谢！", THANKS},
        {"thanks but it did not work", 0},
        {"bye", BYE},
        {"yes", YES},
        {"no", NO},
        {"are you a bot?", ABOUT},
        {"are you human", ABOUT},
        {"你是机器人吗", ABOUT},
        {"you idiots", ABUSE},
        {"", 0},
        {"\xF0\x9F\x98\x80", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct phrases_found f = phrases_find(phrases, arena, str_from(cases[i].text));
        int got = (f.wants_human ? HUMAN : 0) | (f.is_money ? MONEY : 0) |
                  (f.is_greeting ? GREET : 0) | (f.is_thanks ? THANKS : 0) |
                  (f.is_goodbye ? BYE : 0) | (f.is_yes ? YES : 0) | (f.is_no ? NO : 0) |
                  (f.is_about_bot ? ABOUT : 0) | (f.is_abuse ? ABUSE : 0);
        if (got != cases[i].want) {
            fail_msg("\"%s\": got %d, want %d", cases[i].text, got, cases[i].want);
        }
    }
}

static void broken_phrases_are_refused(void **state)
{
    UNUSED(state);
    static const char *const files[] = {"", "{}", "[]",
                                        "{\"en\": {\"texts\": {\"greeting\": \"x\"}}}"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct phrases *p = NULL;
        assert_int_not_equal(phrases_parse(str_from(files[i]), &p, NULL), ERR_OK);
        assert_null(p);
    }
}

/* ---- decisions ---- */

static const struct kb_article fees = {.slug = STR_INIT("fees"),
                                       .title = STR_INIT("Fees"),
                                       .answer = STR_INIT("a"),
                                       .category_slug = STR_INIT("fees-limits")};
static const struct kb_article pending = {.slug = STR_INIT("withdrawal-pending"),
                                          .title = STR_INIT("Pending"),
                                          .answer = STR_INIT("b"),
                                          .category_slug = STR_INIT("withdrawals")};
static const struct kb_article stolen = {.slug = STR_INIT("account-stolen"),
                                         .title = STR_INIT("Stolen"),
                                         .answer = STR_INIT("c"),
                                         .category_slug = STR_INIT("account-security"),
                                         .risk = RISK_MONEY};

static const struct dialogue_settings settings = {
    .answer_threshold = 0.45, .clarify_threshold = 0.15, .max_misses = 2};

struct step {
    const char *text, *button;
    const struct kb_article *first;
    double score;
    const struct kb_article *second;
    double second_score;
    bool is_exact;
    int n_files;
    /* wanted */
    enum dialogue_action action;
    const char *reason;
    const struct kb_article *answer;
    enum conversation_priority priority;
    int misses, n_buttons;
};

static struct dialogue_decision take(const struct step *s, const struct dialogue_state *state)
{
    ARENA_AUTO arena = arena_new(0);
    struct bot_match matches[2];
    size_t n = 0;
    if (s->first != NULL) {
        matches[n++] =
            (struct bot_match){.article = s->first, .score = s->score, .is_exact = s->is_exact};
    }
    if (s->second != NULL) {
        matches[n++] = (struct bot_match){.article = s->second, .score = s->second_score};
    }
    struct dialogue_input in = {.text = str_from(s->text),
                                .button = str_from(s->button),
                                .n_files = s->n_files,
                                .matches = matches,
                                .n_matches = n};
    in.lang = lang_of_text(in.text, LANG_EN);
    in.found = phrases_find(phrases, arena, in.text);
    if (s->button != NULL && strcmp(s->button, "article:fees") == 0) {
        in.button_article = &fees;
    }
    return dialogue_decide(&settings, state, &in);
}

static void walk(const char *name, const struct step *steps, size_t n)
{
    struct dialogue_state state = {0};
    for (size_t i = 0; i < n; i++) {
        const struct step *s = &steps[i];
        struct dialogue_decision d = take(s, &state);
        if (d.action != s->action || strcmp(d.reason, s->reason) != 0 || d.answer != s->answer ||
            d.priority != s->priority || d.next.misses != s->misses ||
            d.n_buttons != s->n_buttons) {
            fail_msg("%s, step %zu \"%s\": got %s/%s answer %s priority %d misses %d buttons %d",
                     name, i + 1, s->text, dialogue_action_name(d.action), d.reason,
                     d.answer != NULL ? d.answer->slug.p : "-", (int)d.priority, d.next.misses,
                     d.n_buttons);
        }
        /* Kept as text between messages. */
        ARENA_AUTO arena = arena_new(0);
        state = dialogue_state_parse(dialogue_state_format(&d.next, arena));
        assert_memory_equal(&state, &d.next, sizeof(state));
    }
}

#define N PRIORITY_NORMAL
#define WALK(name, ...)                                                                            \
    walk(name, (const struct step[]){__VA_ARGS__},                                                 \
         sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

static void a_person_is_reached_at_once(void **state)
{
    UNUSED(state);
    static const char *const texts[] = {"human", "人工", "I want to talk to a person about fees",
                                        "转人工！！！", "agent"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        /* Even with the very question, and whatever came before. */
        WALK(texts[i], {.text = texts[i],
                        .first = &fees,
                        .score = 1,
                        .is_exact = true,
                        .action = DIALOGUE_HANDOVER,
                        .reason = "customer_asked",
                        .priority = N});
        WALK(texts[i],
             {.text = "x",
              .action = DIALOGUE_MISS,
              .reason = "no_match",
              .priority = N,
              .misses = 1,
              .n_buttons = 1},
             {.text = texts[i],
              .action = DIALOGUE_HANDOVER,
              .reason = "customer_asked",
              .priority = N});
    }
    WALK("button", {.text = "Talk to a person",
                    .button = "human",
                    .action = DIALOGUE_HANDOVER,
                    .reason = "customer_asked",
                    .priority = N});
    WALK("urgent", {.text = "hacked, get me a human",
                    .action = DIALOGUE_HANDOVER,
                    .reason = "customer_asked",
                    .priority = PRIORITY_URGENT});
}

/* "人工" resembles some article or other; what the conversation is about was said before. */
static void who_asks_for_a_person_after_an_answer_keeps_the_topic(void **state)
{
    UNUSED(state);
    const struct step human = {.text = "人工", .first = &pending, .score = 0.4};
    const struct step button = {
        .text = "Talk to a person", .button = "human", .first = &pending, .score = 0.4};
    struct dialogue_state answered = {.has_spoken = true, .last_slug = "fees"};
    struct dialogue_state fresh = {0};
    assert_int_equal(take(&human, &answered).topic.len, 0);
    assert_true(take(&human, &answered).is_after_answer);
    assert_int_equal(take(&button, &answered).topic.len, 0);
    assert_true(str_eq_cstr(take(&human, &fresh).topic, "withdrawals"));
    assert_false(take(&human, &fresh).is_after_answer);
}

static void questions_are_answered(void **state)
{
    UNUSED(state);
    WALK("match", {.text = "fees?",
                   .first = &fees,
                   .score = 0.6,
                   .action = DIALOGUE_ANSWER,
                   .reason = "match",
                   .answer = &fees,
                   .priority = N,
                   .n_buttons = 3});
    WALK("exact", {.text = "fees",
                   .first = &fees,
                   .score = 1,
                   .is_exact = true,
                   .action = DIALOGUE_ANSWER,
                   .reason = "exact",
                   .answer = &fees,
                   .priority = N,
                   .n_buttons = 3});
    WALK("just below", {.text = "fees?",
                        .first = &fees,
                        .score = 0.449,
                        .action = DIALOGUE_CLARIFY,
                        .reason = "doubtful",
                        .priority = N,
                        .n_buttons = 3});
}

static void what_the_customer_thinks_of_it_counts(void **state)
{
    UNUSED(state);
    WALK("helpful",
         {.text = "fees?",
          .first = &fees,
          .score = 0.6,
          .action = DIALOGUE_ANSWER,
          .reason = "match",
          .answer = &fees,
          .priority = N,
          .n_buttons = 3},
         {.text = "Yes, thanks",
          .button = "helpful:fees",
          .action = DIALOGUE_THANKS,
          .reason = "helpful",
          .priority = N});
    WALK("yes in words",
         {.text = "fees?",
          .first = &fees,
          .score = 0.6,
          .action = DIALOGUE_ANSWER,
          .reason = "match",
          .answer = &fees,
          .priority = N,
          .n_buttons = 3},
         {.text = "yes", .action = DIALOGUE_THANKS, .reason = "helpful", .priority = N});
    WALK("not helpful twice",
         {.text = "fees?",
          .first = &fees,
          .score = 0.6,
          .action = DIALOGUE_ANSWER,
          .reason = "match",
          .answer = &fees,
          .priority = N,
          .n_buttons = 3},
         {.text = "No",
          .button = "not_helpful:fees",
          .action = DIALOGUE_MISS,
          .reason = "not_helpful",
          .priority = N,
          .misses = 1,
          .n_buttons = 1},
         {.text = "asdf", .action = DIALOGUE_HANDOVER, .reason = "misses", .priority = N});
}

static void an_answer_ends_the_misses(void **state)
{
    UNUSED(state);
    WALK("another question after a miss resets",
         {.text = "asdf",
          .action = DIALOGUE_MISS,
          .reason = "no_match",
          .priority = N,
          .misses = 1,
          .n_buttons = 1},
         {.text = "fees?",
          .first = &fees,
          .score = 0.6,
          .action = DIALOGUE_ANSWER,
          .reason = "match",
          .answer = &fees,
          .priority = N,
          .n_buttons = 3},
         {.text = "qwer",
          .action = DIALOGUE_MISS,
          .reason = "no_match",
          .priority = N,
          .misses = 1,
          .n_buttons = 1});
}

static void the_same_answer_is_not_given_twice(void **state)
{
    UNUSED(state);
    WALK("again",
         {.text = "fees?",
          .first = &fees,
          .score = 0.6,
          .action = DIALOGUE_ANSWER,
          .reason = "match",
          .answer = &fees,
          .priority = N,
          .n_buttons = 3},
         {.text = "the fees I said",
          .first = &fees,
          .score = 0.9,
          .action = DIALOGUE_HANDOVER,
          .reason = "repeated",
          .priority = N});
    WALK("other in between",
         {.text = "fees?",
          .first = &fees,
          .score = 0.6,
          .action = DIALOGUE_ANSWER,
          .reason = "match",
          .answer = &fees,
          .priority = N,
          .n_buttons = 3},
         {.text = "pending",
          .first = &pending,
          .score = 0.6,
          .action = DIALOGUE_ANSWER,
          .reason = "match",
          .answer = &pending,
          .priority = N,
          .n_buttons = 3},
         {.text = "fees?",
          .first = &fees,
          .score = 0.6,
          .action = DIALOGUE_ANSWER,
          .reason = "match",
          .answer = &fees,
          .priority = N,
          .n_buttons = 3});
}

static void doubt_asks_once(void **state)
{
    UNUSED(state);
    WALK("choose",
         {.text = "money",
          .first = &fees,
          .score = 0.3,
          .second = &pending,
          .second_score = 0.2,
          .action = DIALOGUE_CLARIFY,
          .reason = "doubtful",
          .priority = N,
          .n_buttons = 4},
         {.text = "Fees",
          .button = "article:fees",
          .action = DIALOGUE_ANSWER,
          .reason = "chosen",
          .answer = &fees,
          .priority = N,
          .n_buttons = 3});
    WALK("none of these",
         {.text = "money",
          .first = &fees,
          .score = 0.3,
          .action = DIALOGUE_CLARIFY,
          .reason = "doubtful",
          .priority = N,
          .n_buttons = 3},
         {.text = "None of these",
          .button = "none",
          .action = DIALOGUE_MISS,
          .reason = "none_of_these",
          .priority = N,
          .misses = 1,
          .n_buttons = 1},
         {.text = "asdf", .action = DIALOGUE_HANDOVER, .reason = "misses", .priority = N});
    WALK("doubt twice is a miss",
         {.text = "money",
          .first = &fees,
          .score = 0.3,
          .action = DIALOGUE_CLARIFY,
          .reason = "doubtful",
          .priority = N,
          .n_buttons = 3},
         {.text = "money money",
          .first = &fees,
          .score = 0.3,
          .action = DIALOGUE_MISS,
          .reason = "no_match",
          .priority = N,
          .misses = 1,
          .n_buttons = 2});
    WALK("button of an article that is gone", {.text = "Old title",
                                               .button = "article:gone",
                                               .action = DIALOGUE_MISS,
                                               .reason = "no_match",
                                               .priority = N,
                                               .misses = 1,
                                               .n_buttons = 1});
}

static void two_misses_hand_over(void **state)
{
    UNUSED(state);
    WALK("misses",
         {.text = "asdf",
          .first = &fees,
          .score = 0.05,
          .action = DIALOGUE_MISS,
          .reason = "no_match",
          .priority = N,
          .misses = 1,
          .n_buttons = 2},
         {.text = "qwer", .action = DIALOGUE_HANDOVER, .reason = "misses", .priority = N});
    WALK("small talk is no miss",
         {.text = "asdf",
          .action = DIALOGUE_MISS,
          .reason = "no_match",
          .priority = N,
          .misses = 1,
          .n_buttons = 1},
         {.text = "hello",
          .action = DIALOGUE_GREET,
          .reason = "greeting",
          .priority = N,
          .misses = 1,
          .n_buttons = 1},
         {.text = "qwer", .action = DIALOGUE_HANDOVER, .reason = "misses", .priority = N});
}

static void money_at_risk_reaches_a_person_with_advice(void **state)
{
    UNUSED(state);
    WALK("by article", {.text = "strange logins",
                        .first = &stolen,
                        .score = 0.6,
                        .action = DIALOGUE_HANDOVER,
                        .reason = "money_at_risk",
                        .answer = &stolen,
                        .priority = PRIORITY_HIGH});
    WALK("by exact", {.text = "x",
                      .first = &stolen,
                      .score = 1,
                      .is_exact = true,
                      .action = DIALOGUE_HANDOVER,
                      .reason = "money_at_risk",
                      .answer = &stolen,
                      .priority = PRIORITY_HIGH});
    WALK("by words", {.text = "my account was hacked",
                      .first = &stolen,
                      .score = 0.3,
                      .action = DIALOGUE_HANDOVER,
                      .reason = "money_at_risk",
                      .answer = &stolen,
                      .priority = PRIORITY_URGENT});
    WALK("words, article second", {.text = "hacked",
                                   .first = &fees,
                                   .score = 0.9,
                                   .second = &stolen,
                                   .second_score = 0.2,
                                   .action = DIALOGUE_HANDOVER,
                                   .reason = "money_at_risk",
                                   .answer = &stolen,
                                   .priority = PRIORITY_URGENT});
    WALK("words without article", {.text = "我被盗了",
                                   .action = DIALOGUE_HANDOVER,
                                   .reason = "money_at_risk",
                                   .priority = PRIORITY_URGENT});
    WALK("words, harmless article", {.text = "被盗",
                                     .first = &fees,
                                     .score = 0.9,
                                     .action = DIALOGUE_HANDOVER,
                                     .reason = "money_at_risk",
                                     .priority = PRIORITY_URGENT});
    WALK("exact question about it", {.text = "hacked",
                                     .first = &fees,
                                     .score = 1,
                                     .is_exact = true,
                                     .action = DIALOGUE_ANSWER,
                                     .reason = "exact",
                                     .answer = &fees,
                                     .priority = N,
                                     .n_buttons = 3});
}

static void small_talk_is_answered(void **state)
{
    UNUSED(state);
    WALK("hello", {.text = "你好",
                   .action = DIALOGUE_GREET,
                   .reason = "greeting",
                   .priority = N,
                   .n_buttons = 1});
    WALK("thanks",
         {.text = "thanks!", .action = DIALOGUE_THANKS, .reason = "thanks", .priority = N});
    WALK("bye", {.text = "再见", .action = DIALOGUE_TALK, .reason = "goodbye", .priority = N});
    WALK("what are you", {.text = "are you a bot",
                          .action = DIALOGUE_TALK,
                          .reason = "about_bot",
                          .priority = N,
                          .n_buttons = 1});
    WALK("file", {.text = "",
                  .n_files = 1,
                  .action = DIALOGUE_TALK,
                  .reason = "file",
                  .priority = N,
                  .n_buttons = 1});
    WALK("nothing", {.text = " \n",
                     .action = DIALOGUE_TALK,
                     .reason = "no_text",
                     .priority = N,
                     .n_buttons = 1});
    WALK("abuse",
         {.text = "you idiots", .action = DIALOGUE_HANDOVER, .reason = "abuse", .priority = N});
    WALK("abuse with a question", {.text = "where the fuck are the fees",
                                   .first = &fees,
                                   .score = 0.6,
                                   .action = DIALOGUE_ANSWER,
                                   .reason = "match",
                                   .answer = &fees,
                                   .priority = N,
                                   .n_buttons = 3});
    WALK("yes out of the blue", {.text = "yes",
                                 .action = DIALOGUE_MISS,
                                 .reason = "no_match",
                                 .priority = N,
                                 .misses = 1,
                                 .n_buttons = 1});
}

static void nonsense_state_is_a_new_start(void **state)
{
    UNUSED(state);
    static const char *const texts[] = {"",
                                        "{}",
                                        "null",
                                        "{\"misses\":-1,\"action\":\"answer\"}",
                                        "{\"misses\":1,\"action\":\"fly\"}",
                                        "[[[[",
                                        "{\"misses\":1e9,\"action\":\"miss\"}"};
    const struct dialogue_state fresh = {0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct dialogue_state s = dialogue_state_parse(str_from(texts[i]));
        assert_memory_equal(&s, &fresh, sizeof(s));
    }
}

static struct dialogue_decision decide(const struct dialogue_state *state, struct dialogue_input in)
{
    ARENA_AUTO arena = arena_new(0);
    in.found = phrases_find(phrases, arena, in.text);
    return dialogue_decide(&settings, state, &in);
}

/* Whoever sends files again has nothing to say in words. */
static void files_twice_reach_a_person(void **unused)
{
    UNUSED(unused);
    const struct dialogue_state fresh = {0};
    struct dialogue_decision first = decide(&fresh, (struct dialogue_input){.n_files = 1});
    assert_string_equal(first.reason, "file");
    struct dialogue_decision again = decide(&first.next, (struct dialogue_input){.n_files = 2});
    assert_int_equal(again.action, DIALOGUE_HANDOVER);
    assert_string_equal(again.reason, "attachment");
}

/* Whatever is decided, a secret is warned of first; and nobody is promised a person who is not there. */
static void circumstances_are_said(void **unused)
{
    UNUSED(unused);
    const struct dialogue_state fresh = {0};
    struct dialogue_decision d =
        decide(&fresh, (struct dialogue_input){.text = STR("hello"), .has_secret = true});
    assert_int_equal(d.n_phrases, 2);
    assert_int_equal(d.phrases[0], PHRASE_SECRET_WARNING);
    assert_int_equal(d.phrases[1], PHRASE_GREETING);
    d = decide(&fresh, (struct dialogue_input){.text = STR("human"), .is_unattended = true});
    assert_int_equal(d.n_phrases, 1);
    assert_int_equal(d.phrases[0], PHRASE_HANDOVER_NO_AGENT);
    d = decide(&fresh, (struct dialogue_input){.text = STR("hello"), .is_unattended = true});
    assert_int_equal(d.phrases[0], PHRASE_GREETING); /* nothing is handed over */
    d = decide(&fresh, (struct dialogue_input){
                           .text = STR("hacked"), .is_unattended = true, .has_secret = true});
    assert_int_equal(d.n_phrases, 4);
    assert_int_equal(d.phrases[0], PHRASE_SECRET_WARNING);
    assert_int_equal(d.phrases[1], PHRASE_HANDOVER_NO_AGENT);
    assert_int_equal(d.phrases[2], PHRASE_HANDOVER_PRIORITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found),
        cmocka_unit_test(broken_phrases_are_refused),
        cmocka_unit_test(a_person_is_reached_at_once),
        cmocka_unit_test(who_asks_for_a_person_after_an_answer_keeps_the_topic),
        cmocka_unit_test(questions_are_answered),
        cmocka_unit_test(what_the_customer_thinks_of_it_counts),
        cmocka_unit_test(an_answer_ends_the_misses),
        cmocka_unit_test(the_same_answer_is_not_given_twice),
        cmocka_unit_test(doubt_asks_once),
        cmocka_unit_test(two_misses_hand_over),
        cmocka_unit_test(money_at_risk_reaches_a_person_with_advice),
        cmocka_unit_test(small_talk_is_answered),
        cmocka_unit_test(files_twice_reach_a_person),
        cmocka_unit_test(circumstances_are_said),
        cmocka_unit_test(nonsense_state_is_a_new_start),
    };
    return cmocka_run_group_tests_name("dialogue", tests, begin, end);
}
