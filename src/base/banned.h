/* Functions that nobody here may call: included by the build in front of every source file (-include), so use is a compile error. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets gmtime localtime ctime asctime atoi atol atof rand srand system alloca strncpy strncat

#endif
