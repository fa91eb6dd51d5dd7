/* What nobody needs any more goes by itself. Rooms look after their own rows (identity: sessions, tokens, throttles, invitations; desk: events); here is what
 * belongs to the platform: keys of repeated requests, notices between nodes. */
#ifndef APP_MAINTENANCE_H
#define APP_MAINTENANCE_H

#include "platform/timers.h"

/* Before timers_start; sets the first time. */
ERR_MUST_USE enum err maintenance_use_timers(struct db *db, struct clock *clock,
                                             struct timers *timers);

#endif
