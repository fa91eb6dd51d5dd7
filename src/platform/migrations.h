/* The numbered files of migrations/, embedded at build time (scripts/embed-migrations), in order. */
#ifndef PLATFORM_MIGRATIONS_H
#define PLATFORM_MIGRATIONS_H

#include "platform/db.h"

const struct db_migration *migrations_all(size_t *n_out);

#endif
