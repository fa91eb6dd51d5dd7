#include "suites.h"

int main(void)
{
    return suite_text() + suite_entity() + suite_markdown() + suite_frontmatter();
}
