/* Uploading and handing out files. Bytes go to the file store by their hash, before the row; the row says who may have them. */
#ifndef DESK_FILE_SERVICE_H
#define DESK_FILE_SERVICE_H

#include "desk/desk_internal.h"

struct upload {
    struct str name;
    struct str bytes; /* or: */
    const char *path; /* spooled by the platform */
    size_t max;
    struct customer_id customer; /* uploader: one of the two */
    const struct actor *actor;
    struct conversation_id conversation; /* agents: for which one; permission is checked */
};
/* ERR_LIMIT code too_large, ERR_INVALID code type (not among the allowed). */
ERR_MUST_USE enum err file_upload(struct desk *desk, const struct upload *u, struct arena *arena,
                                  struct file *out, struct errinfo *info);
/* Sends the bytes with safe headers: nosniff, sandbox, attachment unless a verified picture was asked for inline. Permission is the caller's matter. */
ERR_MUST_USE enum err file_respond(struct desk *desk, const struct file *f, bool wants_inline,
                                   struct response *rs, struct errinfo *info);
ERR_MUST_USE enum err file_load_for_agent(struct desk *desk, const struct actor *actor,
                                          struct file_id id, struct arena *arena, struct file *out,
                                          struct errinfo *info);
ERR_MUST_USE enum err file_load_for_customer(struct desk *desk, struct customer_id customer,
                                             struct file_id id, struct arena *arena,
                                             struct file *out, struct errinfo *info);

#endif
