/* Any text read as a dialogue's state gives one that is written and read back the same. */
#include "base/check.h"
#include "bot/dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dialogue_state s = dialogue_state_parse((struct str){(const char *)data, size});
    ARENA_AUTO arena = arena_new(0);
    struct dialogue_state again = dialogue_state_parse(dialogue_state_format(&s, arena));
    ASSERT(s.misses == again.misses && s.last_action == again.last_action && s.lang == again.lang &&
           s.has_spoken == again.has_spoken);
    ASSERT(strcmp(s.last_slug, again.last_slug) == 0);
    return 0;
}
