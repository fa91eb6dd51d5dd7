/* Groups of the room's tests: one file, one function each; test_desk.c runs them. */
#ifndef TEST_DESK_H
#define TEST_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int test_conversation(void);
int test_message(void);

#endif
