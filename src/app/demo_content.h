/* What the demo is filled with: people, a team, an inbox, starter articles, canned replies. */
#ifndef APP_DEMO_CONTENT_H
#define APP_DEMO_CONTENT_H

#include "app/program.h"

#define DEMO_PASSWORD "stablehand demo"
#define DEMO_INBOX_KEY "demo"
/* Known to everybody who has the source: fit for people who do not exist. */
#define DEMO_INBOX_SECRET "a demo secret that protects nothing"

/* Nothing when it is there already. */
ERR_MUST_USE enum err demo_content_make(struct program *p, struct errinfo *info);
void demo_content_print_people(void);

#endif
