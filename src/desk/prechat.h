/* The form before a conversation: what the operator of an inbox wants to know of visitors who are not signed in. Kept and sent as one JSON object, PreChat of
 * spec/openapi.yaml; signed customers are never asked, because the exchange has said who they are. */
#ifndef DESK_PRECHAT_H
#define DESK_PRECHAT_H

#include "base/arena.h"
#include "base/json.h"

#define PRECHAT_OFF "{\"name\":\"off\",\"email\":\"off\",\"topics\":[]}"
#define PRECHAT_MAX_TOPICS 8
#define PRECHAT_MAX_LABEL 60

/* The member `prechat` of `o`, checked and written anew, in `arena`. Absent: *out stays. ERR_INVALID names the field. */
ERR_MUST_USE enum err prechat_decode(const struct json *o, struct arena *arena, struct str *out,
                                     struct errinfo *info);
/* Is `topic` one of those that a form (as prechat_decode wrote it) offers? */
bool prechat_offers(struct str form, struct str topic);
/* Lower-case letters, digits, '-' and '_', 1 to 60: the words that agents' skills use. */
bool prechat_topic_is_valid(struct str topic);

#endif
