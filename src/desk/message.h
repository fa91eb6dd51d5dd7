/* What a message may be. Pure.
 *
 * A body is text with light Markdown; it is never HTML and never interpreted here: clients render it, and only what their renderer knows. What is taken out
 * is what could make text look like something else: control characters, bidirectional overrides (they turn "exe.fdp" around), invisible fillers, and
 * walls of blank lines. Emoji sequences and ordinary right-to-left text stay as they are. */
#ifndef DESK_MESSAGE_H
#define DESK_MESSAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/ids.h"

/* The numbers are stored. */
enum author_kind { AUTHOR_CUSTOMER, AUTHOR_AGENT, AUTHOR_BOT, AUTHOR_SYSTEM };
enum message_kind { MESSAGE_PUBLIC, MESSAGE_NOTE, MESSAGE_SYSTEM };
const char *author_kind_name(enum author_kind k);
const char *message_kind_name(enum message_kind k);

#define MESSAGE_MAX_AGENT 10000 /* code points */
#define MESSAGE_MAX_CUSTOMER 4000
#define MESSAGE_MAX_FILES 10
#define MESSAGE_MAX_MENTIONS 20
#define MESSAGE_CLIENT_ID_MIN 8
#define MESSAGE_CLIENT_ID_MAX 64
#define MESSAGE_PREVIEW_MAX 120 /* code points */

/* The body as it is stored: \r\n and \r become \n, at most two blank lines in a row, trimmed, no dangerous characters. May be empty.
 * The result is `body` itself when nothing had to change. */
struct str message_clean(struct arena *arena, struct str body);
/* Names, file names, tags: one line, cleaned likewise. */
struct str message_clean_line(struct arena *arena, struct str text);
/* One line for lists: white space runs become one space, light Markdown marks go, cut on a whole character. */
struct str message_preview(struct arena *arena, struct str body, int n_files);
/* [A-Za-z0-9_-]{8,64} */
bool message_client_id_is_valid(struct str id);
/* "human", "helpful:<slug>", "not_helpful:<slug>", "article:<slug>": [a-z_]+(:[a-z0-9-]+)?, at most 80 bytes. */
bool message_button_is_valid(struct str id);

#endif
