/* Ids are distinct types, so that one cannot be passed for another. 0 means "none". Positive otherwise. */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include <stdint.h>

#define ID_TYPE(name)                                                                              \
    struct name {                                                                                  \
        int64_t v;                                                                                 \
    }

ID_TYPE(agent_id);
ID_TYPE(customer_id);
ID_TYPE(team_id);
ID_TYPE(inbox_id);
ID_TYPE(conversation_id);
ID_TYPE(message_id);
ID_TYPE(file_id);
ID_TYPE(article_id);
ID_TYPE(event_id);
ID_TYPE(session_id);

#endif
