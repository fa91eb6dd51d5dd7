/* Words and pictures of the help centre's pages. Private to the room. */
#ifndef KNOWLEDGE_HELP_TEXT_H
#define KNOWLEDGE_HELP_TEXT_H

#include "base/str.h"
#include "knowledge/lang.h"

enum help_text {
    HELP_SKIP,
    HELP_CENTRE,
    HELP_HOW_CAN_WE_HELP,
    HELP_SEARCH_LABEL,
    HELP_SEARCH_PLACEHOLDER,
    HELP_SEARCH,
    HELP_TOPICS,
    HELP_POPULAR,
    HELP_ARTICLES, /* "%zu articles" */
    HELP_ARTICLE_ONE,
    HELP_ON_THIS_PAGE,
    HELP_UPDATED,
    HELP_RELATED,
    HELP_WAS_THIS_HELPFUL,
    HELP_YES,
    HELP_NO,
    HELP_THANKS,
    HELP_SORRY,
    HELP_STILL_NEED_HELP,
    HELP_CONTACT_TEXT,
    HELP_CONTACT_NO_LINK,
    HELP_CONTACT,
    HELP_NEVER_ASK, /* "%brand" stands for the brand */
    HELP_VERIFY,
    HELP_RESULTS_FOR,
    HELP_NO_RESULTS,
    HELP_NO_RESULTS_TEXT,
    HELP_MISSING,
    HELP_MISSING_TEXT,
    HELP_HOME,
    HELP_BREADCRUMBS,
    HELP_LANGUAGE,
    HELP_DESCRIPTION,
    HELP_EMPTY,
    HELP_MONEY_NOTE,
    HELP_TEXT_COUNT
};
const char *help_text(enum lang lang, enum help_text text);
const char *help_lang_name(enum lang lang); /* in itself: "English", "简体中文" */
/* Inner part of a 24 x 24 line icon by the name that categories carry; a sheet of paper for unknown ones. */
const char *help_icon(struct str name);

#endif
