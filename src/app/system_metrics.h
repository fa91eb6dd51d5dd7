/* Gauges of the database for /metrics. */
#ifndef APP_SYSTEM_METRICS_H
#define APP_SYSTEM_METRICS_H

#include "platform/db.h"

/* `db` must live as long as metrics are read. Registering again for a new database replaces the former. */
void system_metrics_register(struct db *db);

#endif
