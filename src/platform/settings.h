/* Settings: one typed table that yields file, environment, --help-config and the console's forms.
 *
 * Order: default < file (key = value lines, # comments) < environment (STABLEHAND_HTTP_LISTEN for http.listen) < command line (--http.listen=...).
 * An unknown key is an error with a suggestion; a bad value names key, value, and what is allowed. Built once, read-only afterwards, any thread. */
#ifndef PLATFORM_SETTINGS_H
#define PLATFORM_SETTINGS_H

#include "base/err.h"
#include "base/str.h"

struct settings;

enum setting_type {
    SETTING_STR,
    SETTING_INT,
    SETTING_BOOL,
    SETTING_DURATION_MS,
    SETTING_SIZE,
    SETTING_WORDS,
    SETTING_SECRET
};
struct setting {
    const char *key; /* "http.listen" */
    enum setting_type type;
    const char *fallback;
    const char *allowed; /* "1..1024", "debug|info|warn|error", NULL */
    const char *help_en, *help_zh;
};
const struct setting *settings_table(size_t *n_out);

ERR_MUST_USE enum err settings_load(const char *file /* NULL: none */,
                                    char *const *args /* "--key=value", NULL-terminated */,
                                    struct settings **out, struct errinfo *info);
void settings_free(struct settings **s);
const char *settings_str(const struct settings *s, const char *key); /* unknown key: ASSERT */
int64_t settings_int(const struct settings *s,
                     const char *key); /* also durations (ms) and sizes (bytes) */
bool settings_bool(const struct settings *s, const char *key);
void settings_print_help(bool chinese); /* to stdout */

#endif
