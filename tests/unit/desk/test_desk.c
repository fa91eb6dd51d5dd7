#include "test_desk.h"

int main(void)
{
    int failed = 0;
    failed += test_conversation();
    return failed != 0;
}
