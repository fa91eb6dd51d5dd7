/* The schema `Agent` of spec/openapi.yaml. */
#ifndef IDENTITY_AGENT_JSON_H
#define IDENTITY_AGENT_JSON_H

#include "identity/identity.h"

void agent_write_json(struct json_writer *w, const struct agent *a);

#endif
