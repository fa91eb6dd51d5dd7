#include "groups.h"

int main(void)
{
    int failed = 0;
    failed += test_conversation();
    failed += test_message();
    failed += test_services();
    return failed != 0;
}
