/* Which passwords agents may choose. Pure. Length 12 to 256 characters, any character, no composition rules (NIST SP 800-63B, ASVS 5.0 section 6.2);
 * refused: common ones, repetitions and runs, and those that are little more than the e-mail address, the name or the brand. */
#ifndef IDENTITY_PASSWORD_H
#define IDENTITY_PASSWORD_H

#include "base/err.h"

#define PASSWORD_MIN 12
#define PASSWORD_MAX 256

/* ERR_INVALID with `field` and code too_short, too_long, weak. Empty strings among email, name, brand are left out of account. */
ERR_MUST_USE enum err password_check(struct str password, struct str email, struct str name,
                                     struct str brand, const char *field, struct errinfo *info);

#endif
