#ifndef TESTS_KNOWLEDGE_SUITES_H
#define TESTS_KNOWLEDGE_SUITES_H
/* cmocka wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int suite_text(void);
int suite_entity(void);
int suite_markdown(void);
int suite_frontmatter(void);

#endif
