#include "report.h"

#include "base/check.h"
#include "base/mem.h"

#define MAX_FIGURES 512

struct report {
    const char *name, *json;
    struct {
        char figure[80];
        double value;
    } figures[MAX_FIGURES];
    int n;
};

struct report *report_new(const char *name, int argc, char **argv)
{
    struct report *r = MEM_NEW(struct report);
    r->name = name;
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            r->json = argv[i + 1];
        }
    }
    printf("== %s\n", name);
    return r;
}

void report_add(struct report *r, const char *figure, double value, const char *unit)
{
    ASSERT(r->n < MAX_FIGURES);
    snprintf(r->figures[r->n].figure, sizeof(r->figures[r->n].figure), "%s", figure);
    r->figures[r->n++].value = value;
    printf("  %-44s %14.*f %s\n", figure, value >= 1000 || value <= -1000 ? 0 : 3, value, unit);
    fflush(stdout);
}

void report_note(struct report *r, const char *text)
{
    (void)r;
    printf("  %s\n", text);
}

void report_finish(struct report **rp)
{
    struct report *r = *rp;
    FILE *f = r->json ? fopen(r->json, "w") : NULL;
    if (f) {
        fprintf(f, "{\"%s\": {", r->name);
        for (int i = 0; i < r->n; i++) {
            fprintf(f, "%s\"%s\": %.6g", i ? ", " : "", r->figures[i].figure, r->figures[i].value);
        }
        fprintf(f, "}}\n");
        fclose(f);
    }
    mem_free(r);
    *rp = NULL;
}
