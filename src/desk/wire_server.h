/* The wire on platform/server.h. */
#ifndef DESK_WIRE_SERVER_H
#define DESK_WIRE_SERVER_H

#include "desk/wire.h"

struct wire wire_of_server(struct server *server);

#endif
