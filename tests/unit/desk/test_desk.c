#include "test_desk.h"

int main(void)
{
    int failed = 0;
    failed += test_conversation();
    failed += test_message();
    return failed != 0;
}
