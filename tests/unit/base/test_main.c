#include "groups.h"

int main(void)
{
    int failed = 0;
    failed += test_arena();
    failed += test_buf();
    failed += test_codec();
    failed += test_decimal();
    failed += test_json();
    failed += test_json_write();
    failed += test_log();
    failed += test_map();
    failed += test_rng();
    failed += test_str();
    failed += test_time();
    failed += test_utf8();
    failed += test_zone();
    return failed != 0;
}
