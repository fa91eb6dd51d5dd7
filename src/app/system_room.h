/* The endpoints of the program itself: health, readiness, metrics, the API's description. */
#ifndef APP_SYSTEM_ROOM_H
#define APP_SYSTEM_ROOM_H

#include "app/program.h"

struct system_room;

/* `program` must outlive it. Registers the gauges of database and server. */
struct system_room *system_room_new(struct program *program);
void system_room_free(struct system_room **room);
/* What /readyz says beside the database's health: false before everything runs and while draining. Any thread. */
void system_room_set_ready(struct system_room *room, bool is_ready);
/* `demo` only: people whose signed identity the demo page may ask for. */
void system_room_set_demo(struct system_room *room, struct str inbox_key, struct str inbox_secret);

#endif
