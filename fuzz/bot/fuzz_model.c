/* The input is the payload of a model file: header and fingerprint are put in front as they must be, so that parsing is reached. What is accepted answers
 * questions and is written and read back the same. */
#include "base/check.h"
#include "bot/bytes.h"
#include "bot/model.h"
#include "platform/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void with_header(struct buf *out, struct str payload)
{
    static uint64_t fingerprint;
    if (fingerprint == 0) {
        struct concepts *c = concepts_new();
        fingerprint = concepts_fingerprint(c);
        concepts_free(&c);
    }
    BUF_AUTO whole;
    uint8_t hash[32];
    buf_init(&whole, payload.len + 8);
    bytes_put_u64(&whole, fingerprint);
    (void)buf_add_str(&whole, payload);
    crypto_sha256(buf_str(&whole), hash);
    (void)buf_add_str(out, STR("SHBOTMOD"));
    bytes_put_u32(out, 3);
    bytes_put_u64(out, whole.len);
    (void)buf_add(out, hash, sizeof(hash));
    (void)buf_add_str(out, buf_str(&whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BUF_AUTO file;
    BUF_AUTO first;
    BUF_AUTO second;
    buf_init(&file, size + 200);
    buf_init(&first, MODEL_FILE_MAX);
    buf_init(&second, MODEL_FILE_MAX);
    with_header(&file, (struct str){(const char *)data, size});
    struct model *m = NULL;
    struct model *again = NULL;
    struct errinfo info = {0};
    if (model_decode(buf_str(&file), &m, &info) != ERR_OK) {
        ASSERT(m == NULL && info.message[0] != '\0');
        return 0;
    }
    static const char *const texts[] = {"", "why is my card late", "充值没到账"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct model_prediction p;
        model_predict(m, arena, str_from(texts[i]), &p);
        ASSERT(p.n_top > 0 && p.top[0].label < model_n_labels(m));
    }
    ASSERT(model_encode(m, &first) == ERR_OK);
    ASSERT(model_decode(buf_str(&first), &again, NULL) == ERR_OK);
    ASSERT(model_encode(again, &second) == ERR_OK);
    ASSERT(str_eq(buf_str(&first), buf_str(&second)) && str_eq(buf_str(&first), buf_str(&file)));
    model_unref(&m);
    model_unref(&again);
    return 0;
}
