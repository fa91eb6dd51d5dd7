#include "groups.h"

int main(void)
{
    int failed = 0;
    failed += test_conversation();
    failed += test_file_type();
    failed += test_message();
    failed += test_routing();
    failed += test_sim();
    failed += test_plans();
    failed += test_receipts();
    failed += test_services();
    failed += test_presence();
    failed += test_nodes();
    return failed != 0;
}
