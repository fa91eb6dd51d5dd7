/* Runs a fuzz target over the files of a folder, in order of name, and over the empty input: the corpus as an ordinary test. An input that once
 * broke something stays in the corpus, so a folder without files is an error. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"

#define INPUT_BYTES_MAX (1U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *folder, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        return 0;
    }
    uint8_t *whole = mem_alloc(INPUT_BYTES_MAX);
    size_t len = fread(whole, 1, INPUT_BYTES_MAX, f);
    (void)fclose(f);
    uint8_t *exact =
        mem_alloc(len); /* its own size, so that a sanitizer sees a read past the end */
    memcpy(exact, whole, len);
    mem_free(whole);
    (void)LLVMFuzzerTestOneInput(exact, len);
    mem_free(exact);
    return 1;
}

static int is_input(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int n = argc == 2 ? scandir(argv[1], &entries, is_input, alphasort) : -1;
    int done = 0;
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 0; i < n; i++) {
        done += run_file(argv[1], entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    (void)printf("replayed %d of %d inputs\n", done, n);
    return done == n && n > 0 ? 0 : 1;
}
