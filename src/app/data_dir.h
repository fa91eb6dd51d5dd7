/* The folder of everything that is kept, and the installation's key in it. */
#ifndef APP_DATA_DIR_H
#define APP_DATA_DIR_H

#include "base/err.h"

/* Made with mode 0700 when it is not there (its parent must be). */
ERR_MUST_USE enum err data_dir_make(const char *dir, struct errinfo *info);
/* Reads the 32 bytes, or makes them (mode 0600, on disk before it returns). A file of another length is ERR_INVALID: never overwritten. */
ERR_MUST_USE enum err data_dir_key(const char *path, uint8_t key_out[32], struct errinfo *info);

#endif
