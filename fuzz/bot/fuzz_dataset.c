/* Rows that were taken are within their limits and lie inside the file; the same file read twice gives the same verdict. */
#include "base/check.h"
#include "base/utf8.h"
#include "bot/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct dataset d = {0};
    struct dataset again = {0};
    struct errinfo info = {0};
    enum err err = dataset_parse(&d, text, &info);
    ASSERT((err == ERR_OK) == (info.message[0] == '\0'));
    for (size_t i = 0; i < d.rows.len; i++) {
        const struct model_example *e = &d.rows.items[i];
        ASSERT(e->label.len > 0 && e->label.len <= MODEL_MAX_LABEL && utf8_is_valid(e->label));
        ASSERT(e->text.len > 0 && e->text.len <= MODEL_MAX_TEXT && utf8_is_valid(e->text));
        ASSERT(e->label.p >= text.p && e->text.p + e->text.len <= text.p + text.len);
    }
    ASSERT(dataset_parse(&again, text, NULL) == err && again.rows.len == d.rows.len);
    dataset_release(&d);
    dataset_release(&again);
    return 0;
}
