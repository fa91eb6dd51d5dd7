/* The bus of the program: from the settings, with its gauges. */
#ifndef APP_BUS_SETUP_H
#define APP_BUS_SETUP_H

#include "app/program.h"
#include "platform/bus.h"

/* The strings live as long as the program. `key` is only filled once program_open has read the installation's. */
void bus_setup_options(const struct program *p, struct bus_options *out);
/* After p->db and p->secret_key. */
ERR_MUST_USE enum err bus_setup(struct program *p, struct errinfo *info);

#endif
