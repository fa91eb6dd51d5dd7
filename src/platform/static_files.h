/* The web apps: embedded in the program (answered on the loop, nothing to wait for) or, while developing, from a folder (read on a worker).
 *
 * "/console/anything" without a file extension is the console's index.html (it routes by itself); "/x/" is "/x/index.html"; "/x" goes to "/x/" if that
 * exists. Hashed names are cached for ever, pages are asked for again each time (ETag), the rest for five minutes. Each prefix has its policy headers. */
#ifndef PLATFORM_STATIC_FILES_H
#define PLATFORM_STATIC_FILES_H

#include "platform/frame.h"

struct static_files;

struct static_query {
    struct str path; /* decoded and free of tricks (http_path_decode) */
    struct str query;
    struct str accept_encoding, if_none_match;
    bool is_head, is_tls, keep_alive;
};

struct static_files *static_files_new(const struct asset *assets, size_t n_assets,
                                      const char *web_dir, const char *allowed_origins);
void static_files_free(struct static_files **files);
/* Embedded: the finished answer (one or two frames), or false: no such file. */
bool static_files_answer(const struct static_files *files, const struct static_query *q,
                         struct frame *frames_out[2]);
/* With web_dir: a route whose handler reads from there (rq->room is the struct static_files), for paths that could be files; else NULL. */
const struct route *static_files_disk_route(const struct static_files *files, struct str path);
/* Content-Security-Policy of a path. */
struct str static_files_policy(const struct static_files *files, struct str path);
const char *static_files_type(struct str path); /* by extension; application/octet-stream */
bool static_files_is_hashed(struct str path);   /* name-Xy12_abC.ext, as the web build makes them */

/* The bytes of one file, for a page that a room answers itself: embedded (static), or read from the
 * folder into `arena` (blocks: on a worker). ERR_NOT_FOUND when the web was not built. */
ERR_MUST_USE enum err static_files_load(const struct static_files *files, const char *path,
                                        struct arena *arena, struct str *out);
/* The policy of our pages with these frame-ancestors ("'self' https://a.example"; no ';', no ','). */
struct str static_files_framed_policy(struct arena *arena, struct str ancestors);

#endif
