/* Custom fields of a customer: an object of short texts, kept as JSON text. Pure. */
#ifndef IDENTITY_CUSTOMER_FIELDS_H
#define IDENTITY_CUSTOMER_FIELDS_H

#include "base/json.h"

/* An object of texts, as requests bring it: at most 50 keys of 1-60 characters, values of at most 500. Normalised text out. */
ERR_MUST_USE enum err customer_fields_check(struct arena *arena, const struct json *o,
                                            const char *key, struct str *out, bool *is_given_out,
                                            struct errinfo *info);

/* Fields of both, the first one's winning. */
struct str customer_fields_merge(struct arena *arena, struct str first, struct str second);

#endif
