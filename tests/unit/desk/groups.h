/* Groups of the room's tests: one file, one function each; test_desk.c runs them. */
#ifndef TEST_DESK_GROUPS_H
#define TEST_DESK_GROUPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int test_conversation(void);
int test_file_type(void);
int test_message(void);
int test_nodes(void);
int test_plans(void);
int test_presence(void);
int test_receipts(void);
int test_routing(void);
int test_services(void);
int test_sim(void);

#endif
