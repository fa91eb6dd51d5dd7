/* magic[8] version:u32 length:u64 sha256[32] payload. Numbers are little-endian. The payload: fingerprint of the concepts, labels, phrasings, classifier, calibration. The hash is checked before
 * anything is parsed, and everything is parsed as if the hash were not there. */
#include "base/check.h"
#include "base/mem.h"
#include "bot/bytes.h"
#include "bot/model_internal.h"
#include "platform/crypto.h"

#define MAGIC STR("SHBOTMOD")
#define VERSION 3U
#define HEADER 52U

enum err model_encode(const struct model *m, struct buf *out)
{
    BUF_AUTO payload;
    buf_init(&payload, MODEL_FILE_MAX - HEADER);
    bytes_put_u64(&payload, concepts_fingerprint(m->concepts));
    bytes_put_u32(&payload, m->n_labels);
    for (uint32_t i = 0; i < m->n_labels; i++) {
        bytes_put_str(&payload, m->labels[i]);
    }
    bytes_put_u32(&payload, m->n_phrasings);
    for (uint32_t i = 0; i < m->n_phrasings; i++) {
        bytes_put_u32(&payload, m->phrasings[i].label);
        bytes_put_str(&payload, m->phrasings[i].text);
    }
    classifier_encode(m->classifier, &payload);
    bytes_put_f32(&payload, m->calibration.svm_temperature);
    bytes_put_f32(&payload, m->calibration.net_temperature);
    bytes_put_f32(&payload, m->calibration.closeness_temperature);
    bytes_put_f32(&payload, m->calibration.closeness_share);
    bytes_put_f32(&payload, m->calibration.mixture_temperature);
    for (int s = 0; s < SCRIPT_COUNT; s++) {
        scope_encode(&m->calibration.scopes[s], &payload);
    }
    if (buf_err(&payload) != ERR_OK) {
        return buf_err(&payload);
    }
    uint8_t hash[32];
    crypto_sha256(buf_str(&payload), hash);
    (void)buf_add_str(out, MAGIC);
    bytes_put_u32(out, VERSION);
    bytes_put_u64(out, payload.len);
    (void)buf_add(out, hash, sizeof(hash));
    (void)buf_add_str(out, buf_str(&payload));
    return buf_err(out);
}

static enum err refuse(struct errinfo *info, const char *code, const char *message)
{
    return err_set(info, ERR_PROTOCOL, "model", code, "%s", message);
}

static bool decode_labels(struct str *rest, struct model *m)
{
    uint32_t n;
    if (!bytes_get_u32(rest, &n) || n < 2 || n > CLASSIFIER_MAX_LABELS) {
        return false;
    }
    m->labels = MEM_NEW_ARRAY(struct str, n);
    for (; m->n_labels < n; m->n_labels++) {
        struct str label;
        if (!bytes_get_str(rest, MODEL_MAX_LABEL, &label) || label.len == 0) {
            return false;
        }
        m->labels[m->n_labels] = str_dup(m->arena, label);
    }
    return true;
}

#define PHRASING_MIN 9U /* label, length, one byte */

static bool decode_phrasings(struct str *rest, struct model *m)
{
    uint32_t n;
    if (!bytes_get_u32(rest, &n) || n == 0 || n > MODEL_MAX_EXAMPLES ||
        rest->len / PHRASING_MIN < n) {
        return false;
    }
    const char *begin = rest->p;
    m->phrasings = MEM_NEW_ARRAY(struct model_phrasing, n);
    for (; m->n_phrasings < n; m->n_phrasings++) {
        struct model_phrasing *p = &m->phrasings[m->n_phrasings];
        if (!bytes_get_u32(rest, &p->label) || p->label >= m->n_labels ||
            !bytes_get_str(rest, MODEL_MAX_TEXT, &p->text) || p->text.len == 0) {
            return false;
        }
    }
    size_t len = (size_t)(rest->p - begin);
    m->texts = mem_alloc(len + 1);
    memcpy(m->texts, begin, len);
    for (uint32_t i = 0; i < n; i++) {
        m->phrasings[i].text.p = m->texts + (m->phrasings[i].text.p - begin);
    }
    return true;
}

static bool decode_calibration(struct str *rest, struct calibration *k)
{
    if (!bytes_get_f32(rest, &k->svm_temperature) || !bytes_get_f32(rest, &k->net_temperature) ||
        !bytes_get_f32(rest, &k->closeness_temperature) ||
        !bytes_get_f32(rest, &k->closeness_share) ||
        !bytes_get_f32(rest, &k->mixture_temperature) || !(k->mixture_temperature >= 1e-3F) ||
        !(k->svm_temperature >= 1e-3F) || !(k->net_temperature >= 1e-3F) ||
        !(k->closeness_temperature >= 1e-3F) ||
        !(k->closeness_share >= 0 && k->closeness_share <= 1)) {
        return false;
    }
    for (int s = 0; s < SCRIPT_COUNT; s++) {
        if (!scope_decode(rest, &k->scopes[s])) {
            return false;
        }
    }
    return true;
}

static bool decode_payload(struct str rest, struct model *m)
{
    return decode_labels(&rest, m) && decode_phrasings(&rest, m) &&
           classifier_decode(&rest, &m->classifier) == ERR_OK &&
           classifier_n_labels(m->classifier) == m->n_labels &&
           decode_calibration(&rest, &m->calibration) && rest.len == 0;
}

enum err model_decode(struct str bytes, struct model **out, struct errinfo *info)
{
    struct str rest = bytes;
    struct str magic;
    struct str wanted;
    uint32_t version;
    uint64_t len;
    uint8_t hash[32];
    if (!bytes_get(&rest, MAGIC.len, &magic) || !str_eq(magic, MAGIC)) {
        return refuse(info, "not_a_model", "not a model file");
    }
    if (!bytes_get_u32(&rest, &version) || version != VERSION) {
        return refuse(info, "version", "made by another version: train it again");
    }
    if (bytes.len > MODEL_FILE_MAX || !bytes_get_u64(&rest, &len) ||
        !bytes_get(&rest, sizeof(hash), &wanted) || rest.len != len) {
        return refuse(info, "length", "cut short or too long");
    }
    crypto_sha256(rest, hash);
    if (memcmp(hash, wanted.p, sizeof(hash)) != 0) {
        return refuse(info, "checksum", "damaged: the checksum does not fit");
    }
    struct model *m = model_alloc();
    uint64_t fingerprint;
    if (!bytes_get_u64(&rest, &fingerprint) || fingerprint != concepts_fingerprint(m->concepts)) {
        model_unref(&m);
        return refuse(info, "version", "made with other concepts: train it again");
    }
    if (!decode_payload(rest, m)) {
        model_unref(&m);
        return refuse(info, "inconsistent", "inconsistent inside");
    }
    model_index(m);
    *out = m;
    return ERR_OK;
}
