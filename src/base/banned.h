/* Functions that nobody here may call: included by the build in front of every source file (-include), so use is a compile error.
 * Headers whose inline code uses one of the names must come before the poison: add them here. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets gmtime localtime ctime asctime atoi  \
    atol atof rand srand system alloca strncpy strncat

/* The heap is behind base/mem.h; base itself defines BANNED_ALLOW_HEAP. */
#ifndef BANNED_ALLOW_HEAP
#pragma GCC poison malloc calloc realloc strdup strndup
#endif

#endif
