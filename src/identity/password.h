/* Which passwords agents may choose. Pure. Length 12 to 256 characters, any character, no composition rules (NIST SP 800-63B, ASVS 5.0 section 6.2);
 * refused: common ones (one or two words of a list of 49,000, whatever their case, leet and the digits around), repetitions and runs, and those that are little more than the e-mail address, the name or the brand. */
#ifndef IDENTITY_PASSWORD_H
#define IDENTITY_PASSWORD_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define PASSWORD_MIN 12
#define PASSWORD_MAX 256

/* ERR_INVALID with `field` and code too_short, too_long, weak. Empty strings among email, name, brand are left out of account. */
ERR_MUST_USE enum err password_check(struct str password, struct str email, struct str name,
                                     struct str brand, const char *field, struct errinfo *info);
/* Sorted hashes of the list and its forms; generated. */
extern const uint32_t password_common[];
extern const size_t n_password_common;

#endif
