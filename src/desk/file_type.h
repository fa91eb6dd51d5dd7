/* What a file is, by its first bytes; its name and what the browser said are never believed. Pure.
 * Allowed: PNG, JPEG, GIF, WebP, PDF, MP4/MOV, WebM, MP3, OGG, ZIP (also Office documents), plain text in UTF-8. SVG and HTML are text to us and are served as such. */
#ifndef DESK_FILE_TYPE_H
#define DESK_FILE_TYPE_H

#include "base/arena.h"
#include "base/str.h"

#define FILE_MAX_VISITOR (10 * 1024 * 1024)
#define FILE_MAX_AGENT (20 * 1024 * 1024)
#define FILE_MAX_PIXELS 60000000LL /* a picture that unfolds to more is not shown inline */

struct file_type {
    const char *content_type; /* static; NULL: not allowed */
    bool is_image;            /* verified: may be shown inline */
    int width, height;        /* of images; 0: unknown */
};
/* `head`: the first bytes, 64 KB or all; `is_whole`: nothing follows. */
struct file_type file_type_of(struct str head, bool is_whole);
/* Safe to store and to offer as a name: no path, no control or bidirectional characters, at most 150 bytes, never empty. */
struct str file_name_clean(struct arena *arena, struct str name);
/* Value of Content-Disposition (RFC 6266): ASCII fallback and UTF-8 form. */
struct str file_disposition(struct arena *arena, struct str name, bool is_inline);

#endif
