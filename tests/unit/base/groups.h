/* The groups of this room, one per test file. */
#ifndef BASE_GROUPS_H
#define BASE_GROUPS_H

int test_arena(void);
int test_buf(void);
int test_codec(void);
int test_decimal(void);
int test_json(void);
int test_json_write(void);
int test_log(void);
int test_map(void);
int test_rng(void);
int test_str(void);
int test_time(void);
int test_utf8(void);
int test_zone(void);

#endif
