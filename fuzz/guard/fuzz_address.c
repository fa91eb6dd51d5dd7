/* Whatever has the shape of an address has one normal form, which is judged the same and never worse. */
#include "base/check.h"
#include "guard/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address a;
    struct address again;
    ARENA_AUTO arena = arena_new(0);
    if (!address_parse((struct str){(const char *)data, size}, &a)) {
        return 0;
    }
    ASSERT(size <= ADDRESS_MAX_LEN);
    struct str normal = address_normal(arena, (struct str){(const char *)data, size}, &a);
    ASSERT(address_parse(normal, &again) && again.chain == a.chain);
    /* The right letters may be in one case by chance: then there is nothing to check. */
    ASSERT(a.checksum == CHECKSUM_BAD || again.checksum != CHECKSUM_BAD);
    ASSERT(str_eq(address_normal(arena, normal, &again), normal));
    return 0;
}
