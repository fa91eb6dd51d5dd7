/* Which bus the settings ask for, and what the doctor says of it. */
#include <stdio.h>
#include <string.h>

#include "platform/bus_nats.h"

static bool bus_name_is_good(const char *name)
{
    return name == NULL ||
           (strlen(name) <= BUS_NAME_MAX &&
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
                strlen(name));
}

enum err bus_open(const struct bus_options *o, struct bus **out, struct errinfo *info)
{
    if (!bus_name_is_good(o->node_name)) {
        return err_set(info, ERR_INVALID, "node.name", "format",
                       "letters, digits, '.', '_' and '-', at most %d", BUS_NAME_MAX);
    }
    if (o->url == NULL || o->url[0] == '\0') {
        *out = bus_new_local_named(o->node_name);
        return ERR_OK;
    }
    if (!bus_wire_is_prefix(str_from(o->prefix))) {
        return err_set(info, ERR_INVALID, "bus.prefix", "format",
                       "words of letters, digits, '_' and '-' with dots between them, at most %d",
                       BUS_PREFIX_MAX);
    }
    return nats_bus_new(o, out, info);
}

enum err bus_probe(const struct bus_options *o, struct buf *out, struct errinfo *info)
{
    if (o->url == NULL || o->url[0] == '\0') {
        return buf_add_cstr(out, "none: this node is alone, or looks for itself each second");
    }
    struct bus *bus = NULL;
    enum err err = bus_open(o, &bus, info); /* the options */
    bus_free(&bus);
    if (err != ERR_OK) {
        (void)buf_printf(out, "%s: %s", info->field, info->message);
        return err;
    }
    return nats_probe(o, out, info);
}

void bus_end_client(void)
{
    (void)nats_CloseAndWait(2000);
}
