/* Two customers who do not exist, for the demo page: it plays the exchange's back end and signs who they are. */
#ifndef APP_DEMO_PEOPLE_H
#define APP_DEMO_PEOPLE_H

#include "base/json.h"

void demo_people_write(struct json_writer *w, struct str inbox_key);
/* HS256 token for one of them, good for five minutes. ERR_NOT_FOUND (field uid). */
ERR_MUST_USE enum err demo_people_sign(struct arena *arena, struct str uid, struct str inbox_key,
                                       struct str secret, int64_t now, struct str *out,
                                       struct errinfo *info);

#endif
