/* Figures of one benchmark: printed as a table, and with --json written as {"NAME": {"figure": number, ...}}. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

struct report;
/* Knows `--json FILE` and leaves the rest of argv alone. */
struct report *report_new(const char *name, int argc, char **argv);
void report_add(struct report *r, const char *figure, double value,
                const char *unit);                    /* figure: snake_case, copied */
void report_note(struct report *r, const char *text); /* a line for people */
void report_finish(struct report **r);

#endif
