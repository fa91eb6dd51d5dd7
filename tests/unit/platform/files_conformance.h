/* What every file store has to do (files.h). `dir`: a folder for the test's own files. Fails through cmocka. */
#ifndef FILES_CONFORMANCE_H
#define FILES_CONFORMANCE_H

#include "platform/files.h"

void files_conformance(struct files *f, const char *dir);

/* The bytes from..from+len of a blob as an answer would carry them; ERR_OK only when all of them came. `out` has room for `len`. */
enum err files_read_part(struct files *f, struct str sha256, int64_t size, int64_t from,
                         int64_t len, char *out, struct errinfo *info);
/* `size` bytes that are not all alike; the same for the same seed. mem_free. */
char *files_sample(size_t size, unsigned seed);

#endif
