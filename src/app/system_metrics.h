/* Gauges of the database and of the program itself for /metrics. */
#ifndef APP_SYSTEM_METRICS_H
#define APP_SYSTEM_METRICS_H

#include "app/program.h"

/* `p` must live as long as metrics are read. Registering again replaces the former. */
void system_metrics_register(struct program *p);

#endif
