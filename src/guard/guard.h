/* The face of the room `guard`: what money is sent to and what must never leak. So far: guard/address.h (addresses with their checksums), guard/secret.h (secrets by
 * their shape). Pure, any thread. */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include "guard/address.h"
#include "guard/secret.h"

#endif
