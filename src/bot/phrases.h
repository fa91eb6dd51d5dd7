/* The bot's own words (content/phrases.json): what it says, and the words that it knows people by. Built once, read by any thread. */
#ifndef BOT_PHRASES_H
#define BOT_PHRASES_H

#include "base/arena.h"
#include "base/err.h"
#include "knowledge/lang.h"

enum phrase {
    PHRASE_GREETING,
    PHRASE_WHAT_I_CAN_DO,
    PHRASE_NO_ANSWER_1,
    PHRASE_NO_ANSWER_2,
    PHRASE_HANDOVER,
    PHRASE_HANDOVER_NO_AGENT,
    PHRASE_HANDOVER_PRIORITY,
    PHRASE_MONEY_AT_RISK_INTRO,
    PHRASE_CLARIFY_INTRO,
    PHRASE_CLARIFY_NONE,
    PHRASE_CLARIFY_HUMAN,
    PHRASE_HELPFUL_YES,
    PHRASE_HELPFUL_NO,
    PHRASE_HELPFUL_NO_FOLLOWUP,
    PHRASE_THANKS,
    PHRASE_GOODBYE,
    PHRASE_NEVER_ASK,
    PHRASE_FILE_RECEIVED,
    PHRASE_BOT_ONLY_TEXT,
    PHRASE_ABUSE_CALM,
    PHRASE_SYSTEM_TROUBLE,
    PHRASE_SECRET_WARNING,
    /* For the agent who takes over: why, and what the question was near. */
    PHRASE_NOTE_CUSTOMER_ASKED,
    PHRASE_NOTE_MONEY_AT_RISK,
    PHRASE_NOTE_MISSES,
    PHRASE_NOTE_REPEATED,
    PHRASE_NOTE_ABUSE,
    PHRASE_NOTE_ATTACHMENT,
    PHRASE_NOTE_CLOSEST,
    PHRASE_NOTE_ANSWERED,
    PHRASE_COUNT
};

enum word_list {
    WORDS_HUMAN_CONTAINS,
    WORDS_HUMAN_EXACT,
    WORDS_HUMAN_EXCEPT,
    WORDS_MONEY_CONTAINS,
    WORDS_MONEY_EXCEPT,
    WORDS_GREETING,
    WORDS_THANKS,
    WORDS_GOODBYE,
    WORDS_YES,
    WORDS_NO,
    WORDS_ABOUT_BOT,
    WORDS_ABUSE,
    WORDS_COUNT
};

struct phrases;
/* Checks that every text and list is there, in both languages. */
ERR_MUST_USE enum err phrases_parse(struct str json, struct phrases **out, struct errinfo *info);
void phrases_free(struct phrases **phrases);
struct str phrases_text(const struct phrases *phrases, enum lang lang,
                        enum phrase phrase); /* {{brand}} still in it */

/* What a message is besides a question. Lists of both languages count in every message: people mix them. */
struct phrases_found {
    bool wants_human;
    bool is_money; /* words of loss: stolen, hacked ... */
    bool is_abuse;
    bool is_greeting, is_thanks, is_goodbye, is_yes, is_no, is_about_bot; /* the whole message */
};
struct phrases_found phrases_find(const struct phrases *phrases, struct arena *arena,
                                  struct str text);

#endif
