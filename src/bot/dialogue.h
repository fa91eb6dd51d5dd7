/* What the bot does with one message: pure. The same input gives the same decision, whenever and wherever it is taken.
 *
 * In this order: a button; a person is wanted (always, at once); files without words; small talk; the exact question; words of loss; a good match; a doubtful
 * match (which of these?); a miss. A second miss in a row, the same answer again, or files once more, hands over. Articles with risk "money" are answered (what to do meanwhile)
 * and handed over with priority in one step. */
#ifndef BOT_DIALOGUE_H
#define BOT_DIALOGUE_H

#include "bot/matcher.h"
#include "bot/phrases.h"
#include "desk/conversation.h"

enum dialogue_action {
    DIALOGUE_ANSWER,
    DIALOGUE_CLARIFY,
    DIALOGUE_MISS,
    DIALOGUE_HANDOVER,
    DIALOGUE_GREET,
    DIALOGUE_THANKS,
    DIALOGUE_TALK,
    DIALOGUE_ACTION_COUNT
};
const char *dialogue_action_name(enum dialogue_action a); /* "answer" ... as in the API */

struct dialogue_settings {
    double answer_threshold, clarify_threshold;
    int max_misses;
};

#define DIALOGUE_SLUG_MAX 80

/* Kept between messages. {0} at the beginning. */
struct dialogue_state {
    int misses; /* in a row */
    enum dialogue_action last_action;
    bool has_spoken;
    char last_slug[DIALOGUE_SLUG_MAX +
                   1]; /* article of the last answer, "" when something else was said since */
    enum lang lang;
};
struct str dialogue_state_format(const struct dialogue_state *s, struct arena *arena); /* JSON */
struct dialogue_state dialogue_state_parse(struct str json); /* {0} for nonsense */

struct dialogue_input {
    struct str text;
    enum lang lang; /* of the text */
    struct str button;
    int n_files;
    bool
        has_secret; /* the newest message holds a password, a key ...: warned first, whatever else is decided */
    bool is_unattended; /* nobody is at the desk: a handover says so */
    struct phrases_found found;
    const struct bot_match *matches;
    size_t n_matches;
    const struct kb_article *button_article; /* of "article:<slug>"; NULL: none, or withdrawn */
};

enum dialogue_button {
    BUTTON_HELPFUL,
    BUTTON_NOT_HELPFUL,
    BUTTON_HUMAN,
    BUTTON_NONE,
    BUTTON_ARTICLE
};
#define DIALOGUE_MAX_BUTTONS 5
#define DIALOGUE_MAX_PHRASES 4

struct dialogue_decision {
    enum dialogue_action action;
    enum lang lang;
    int n_phrases; /* said first, in order */
    enum phrase phrases[DIALOGUE_MAX_PHRASES];
    const struct kb_article *answer;     /* then its answer, with its source; NULL: none */
    enum conversation_priority priority; /* of a handover */
    /* Stable word, never NULL. Of a handover: customer_asked | money_at_risk | misses | repeated | abuse | attachment. */
    const char *reason;
    struct str topic;     /* slug of a category; empty: unknown, or as before */
    bool is_after_answer; /* a person was asked for right after an answer */
    int n_buttons;
    struct {
        enum dialogue_button kind;
        const struct kb_article *article; /* BUTTON_ARTICLE, HELPFUL, NOT_HELPFUL */
    } buttons[DIALOGUE_MAX_BUTTONS];
    bool is_miss; /* to be kept for review */
    struct dialogue_state next;
};
struct dialogue_decision dialogue_decide(const struct dialogue_settings *settings,
                                         const struct dialogue_state *state,
                                         const struct dialogue_input *in);

#endif
