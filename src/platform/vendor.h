/* Headers of libraries that use words of banned.h as names of parameters or members: included in front of it, in the few files that need them
 * (lib_platform_vendor in meson.build). */
#ifndef PLATFORM_VENDOR_H
#define PLATFORM_VENDOR_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <sodium.h>

#endif
