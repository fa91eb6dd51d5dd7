/* Weights are kept per feature, so that a question touches only its own features' rows. Rounding a row to bytes changed no figure in cross-validation. */
#include "bot/classifier.h"

#include <math.h>

#include "base/check.h"
#include "base/mem.h"
#include "bot/bytes.h"
#include "bot/kernels.h"

struct byte_rows {
    size_t width;
    int8_t *rows;  /* n_features x width */
    float *scales; /* per feature: weight = byte * scale */
};

struct net {
    struct byte_rows in;
    float *in_bias;
    float *out; /* n_hidden rows of `width` */
    float *out_bias;
};

struct classifier {
    struct dictionary *dictionary;
    uint32_t n_labels, n_hidden, n_nets;
    size_t width; /* KERNEL_PADDED(n_labels) */
    struct byte_rows svm;
    struct byte_rows centroid; /* rows NULL: there is none */
    float *mass;               /* per feature */
    struct net nets[CLASSIFIER_MAX_NETS];
    const struct kernels *k;
};

static void byte_rows_alloc(struct byte_rows *b, uint32_t n_features, size_t width)
{
    b->width = width;
    b->rows = mem_calloc((size_t)n_features + 1, width);
    b->scales = MEM_NEW_ARRAY(float, (size_t)n_features + 1);
}

static void byte_rows_release(struct byte_rows *b)
{
    mem_free(b->rows);
    mem_free(b->scales);
}

static void byte_rows_fill(struct byte_rows *b, const float *weights, uint32_t n_features)
{
    for (uint32_t f = 0; f < n_features; f++) {
        const float *row = weights + f * b->width;
        float max = 0;
        for (size_t i = 0; i < b->width; i++) {
            max = fabsf(row[i]) > max ? fabsf(row[i]) : max;
        }
        b->scales[f] = max / 127.0F;
        for (size_t i = 0; i < b->width && max > 0; i++) {
            b->rows[f * b->width + i] = (int8_t)lrintf(row[i] * (127.0F / max));
        }
    }
}

static struct classifier *classifier_alloc(struct dictionary *d, uint32_t n_labels,
                                           uint32_t n_hidden, uint32_t n_nets)
{
    struct classifier *c = MEM_NEW(struct classifier);
    *c = (struct classifier){.dictionary = d,
                             .n_labels = n_labels,
                             .n_hidden = n_hidden,
                             .n_nets = n_nets,
                             .width = KERNEL_PADDED(n_labels),
                             .k = kernels_get()};
    return c;
}

/* Memory for a part when the part comes: while networks are trained there is little to spare. */
static void net_alloc(struct classifier *c, uint32_t i)
{
    struct net *net = &c->nets[i];
    byte_rows_alloc(&net->in, dictionary_n(c->dictionary), c->n_hidden);
    net->in_bias = MEM_NEW_ARRAY(float, c->n_hidden);
    net->out = MEM_NEW_ARRAY(float, c->n_hidden * c->width);
    net->out_bias = MEM_NEW_ARRAY(float, c->width);
}

struct classifier *classifier_new(struct dictionary **dictionary, uint32_t n_labels,
                                  uint32_t n_hidden, uint32_t n_nets)
{
    ASSERT(n_labels > 0 && n_labels <= CLASSIFIER_MAX_LABELS && n_nets <= CLASSIFIER_MAX_NETS);
    struct classifier *c = classifier_alloc(*dictionary, n_labels, n_hidden, n_nets);
    *dictionary = NULL;
    return c;
}

void classifier_set_svm(struct classifier *c, const float *weights)
{
    ASSERT(c->svm.rows == NULL);
    byte_rows_alloc(&c->svm, dictionary_n(c->dictionary), c->width);
    byte_rows_fill(&c->svm, weights, dictionary_n(c->dictionary));
}

static void centroid_alloc(struct classifier *c)
{
    uint32_t n = dictionary_n(c->dictionary);
    byte_rows_alloc(&c->centroid, n, c->width);
    c->mass = MEM_NEW_ARRAY(float, (size_t)n + 1);
}

void classifier_set_centroid(struct classifier *c, const float *weights, const float *mass)
{
    ASSERT(c->mass == NULL);
    centroid_alloc(c);
    byte_rows_fill(&c->centroid, weights, dictionary_n(c->dictionary));
    memcpy(c->mass, mass, dictionary_n(c->dictionary) * sizeof(float));
}

void classifier_drop_centroid(struct classifier *c)
{
    byte_rows_release(&c->centroid);
    mem_free(c->mass);
    c->centroid = (struct byte_rows){0};
    c->mass = NULL;
}

void classifier_set_net(struct classifier *c, uint32_t i, const struct mlp *net)
{
    ASSERT(i < c->n_nets && net->n_hidden == c->n_hidden && net->n_labels == c->n_labels);
    ASSERT(c->nets[i].in.rows == NULL);
    net_alloc(c, i);
    byte_rows_fill(&c->nets[i].in, net->in, dictionary_n(c->dictionary));
    memcpy(c->nets[i].in_bias, net->in_bias, c->n_hidden * sizeof(float));
    memcpy(c->nets[i].out, net->out, c->n_hidden * c->width * sizeof(float));
    memcpy(c->nets[i].out_bias, net->out_bias, c->width * sizeof(float));
}

void classifier_free(struct classifier **c)
{
    if (*c == NULL) {
        return;
    }
    byte_rows_release(&(*c)->svm);
    byte_rows_release(&(*c)->centroid);
    mem_free((*c)->mass);
    for (uint32_t i = 0; i < (*c)->n_nets; i++) {
        byte_rows_release(&(*c)->nets[i].in);
        mem_free((*c)->nets[i].in_bias);
        mem_free((*c)->nets[i].out);
        mem_free((*c)->nets[i].out_bias);
    }
    dictionary_free(&(*c)->dictionary);
    mem_free(*c);
    *c = NULL;
}

uint32_t classifier_n_labels(const struct classifier *c)
{
    return c->n_labels;
}

const struct dictionary *classifier_dictionary(const struct classifier *c)
{
    return c->dictionary;
}

static void net_logits(const struct classifier *c, const struct net *net,
                       const struct feature_vector *v, float *hidden, float *logits)
{
    memcpy(hidden, net->in_bias, c->n_hidden * sizeof(float));
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t f = v->values[i].feature;
        c->k->axpy_i8(hidden, net->in.rows + f * net->in.width, v->values[i].tf * net->in.scales[f],
                      net->in.width);
    }
    float share = 1.0F / (float)c->n_nets;
    c->k->axpy(logits, net->out_bias, share, c->width);
    for (uint32_t h = 0; h < c->n_hidden; h++) {
        if (hidden[h] > 0) {
            c->k->axpy(logits, net->out + h * c->width, hidden[h] * share, c->width);
        }
    }
}

static void closeness(const struct classifier *c, const struct feature_vector *v, float *out)
{
    float mass = 0;
    memset(out, 0, c->width * sizeof(float));
    for (uint32_t i = 0; i < v->n && c->mass != NULL; i++) {
        mass += c->mass[v->values[i].feature];
    }
    if (!(mass > 0)) {
        return;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t f = v->values[i].feature;
        c->k->axpy_i8(out, c->centroid.rows + f * c->width, c->centroid.scales[f] / mass, c->width);
    }
}

void classifier_score(const struct classifier *c, struct arena *arena,
                      const struct feature_vector *v, const struct classifier_scores *out)
{
    memset(out->margins, 0, c->width * sizeof(float));
    memset(out->logits, 0, c->width * sizeof(float));
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t f = v->values[i].feature;
        c->k->axpy_i8(out->margins, c->svm.rows + f * c->svm.width,
                      v->values[i].tfidf * c->svm.scales[f], c->width);
    }
    float *hidden = c->n_nets > 0 ? ARENA_ARRAY(arena, float, c->n_hidden) : NULL;
    for (uint32_t i = 0; i < c->n_nets; i++) {
        net_logits(c, &c->nets[i], v, hidden, out->logits);
    }
    closeness(c, v, out->closeness);
}

/* ---- file ---- */

static void byte_rows_encode(const struct byte_rows *b, uint32_t n, struct buf *out)
{
    bytes_put_f32s(out, b->scales, n);
    (void)buf_add(out, b->rows, n * b->width);
}

static bool byte_rows_decode(struct str *rest, struct byte_rows *b, uint32_t n)
{
    struct str rows;
    if (!bytes_get_f32s(rest, b->scales, n) || !bytes_get(rest, n * b->width, &rows)) {
        return false;
    }
    memcpy(b->rows, rows.p, rows.len);
    return true;
}

void classifier_encode(const struct classifier *c, struct buf *out)
{
    uint32_t n = dictionary_n(c->dictionary);
    bytes_put_u32(out, n);
    bytes_put_u32(out, c->n_labels);
    bytes_put_u32(out, c->n_hidden);
    bytes_put_u32(out, c->n_nets);
    bytes_put_u32(out, c->mass != NULL);
    bytes_put_f32(out, dictionary_unknown_idf(c->dictionary));
    for (uint32_t f = 0; f < n; f++) {
        bytes_put_u64(out, dictionary_hash(c->dictionary, f));
        bytes_put_f32(out, dictionary_idf(c->dictionary, f));
        (void)buf_add_char(out, (char)dictionary_kind(c->dictionary, f));
    }
    byte_rows_encode(&c->svm, n, out);
    if (c->mass != NULL) {
        byte_rows_encode(&c->centroid, n, out);
        bytes_put_f32s(out, c->mass, n);
    }
    for (uint32_t i = 0; i < c->n_nets; i++) {
        byte_rows_encode(&c->nets[i].in, n, out);
        bytes_put_f32s(out, c->nets[i].in_bias, c->n_hidden);
        bytes_put_f32s(out, c->nets[i].out, c->n_hidden * c->width);
        bytes_put_f32s(out, c->nets[i].out_bias, c->width);
    }
}

#define DICTIONARY_ENTRY 13U

static enum err dictionary_decode(struct str *rest, uint32_t n, float unknown_idf,
                                  struct dictionary **out)
{
    struct str bytes;
    if (!bytes_get(rest, (size_t)n * DICTIONARY_ENTRY, &bytes)) {
        return ERR_PROTOCOL;
    }
    uint64_t *hashes = MEM_NEW_ARRAY(uint64_t, (size_t)n + 1);
    float *idf = MEM_NEW_ARRAY(float, (size_t)n + 1);
    uint8_t *kinds = MEM_NEW_ARRAY(uint8_t, (size_t)n + 1);
    bool is_ok = true;
    for (uint32_t f = 0; f < n && is_ok; f++) {
        struct str kind;
        is_ok = bytes_get_u64(&bytes, &hashes[f]) && bytes_get_f32(&bytes, &idf[f]) &&
                bytes_get(&bytes, 1, &kind);
        kinds[f] = is_ok ? (uint8_t)kind.p[0] : 0;
    }
    enum err err = is_ok && dictionary_from(hashes, kinds, idf, n, unknown_idf, out) == ERR_OK
                       ? ERR_OK
                       : ERR_PROTOCOL;
    mem_free(hashes);
    mem_free(idf);
    mem_free(kinds);
    return err;
}

/* What the counts promise must be there before memory is asked for. */
static bool is_plausible(uint32_t n, uint32_t n_labels, uint32_t n_hidden, uint32_t n_nets,
                         uint32_t n_centroids, size_t n_bytes)
{
    if (n > DICTIONARY_MAX_FEATURES || n_centroids > 1 || n_labels == 0 ||
        n_labels > CLASSIFIER_MAX_LABELS || n_nets > CLASSIFIER_MAX_NETS ||
        n_hidden > CLASSIFIER_MAX_HIDDEN || n_hidden % KERNEL_LANES != 0 ||
        (n_nets > 0) != (n_hidden > 0)) {
        return false;
    }
    size_t width = KERNEL_PADDED(n_labels);
    size_t net = (size_t)n * (4 + n_hidden) + 4 * (n_hidden + n_hidden * width + width);
    return n_bytes >=
           (size_t)n * (DICTIONARY_ENTRY + 4 + width + n_centroids * (8 + width)) + n_nets * net;
}

enum err classifier_decode(struct str *rest, struct classifier **out)
{
    uint32_t n;
    uint32_t n_labels;
    uint32_t n_hidden;
    uint32_t n_nets;
    uint32_t n_centroids;
    float unknown_idf;
    struct dictionary *dictionary = NULL;
    if (!bytes_get_u32(rest, &n) || !bytes_get_u32(rest, &n_labels) ||
        !bytes_get_u32(rest, &n_hidden) || !bytes_get_u32(rest, &n_nets) ||
        !bytes_get_u32(rest, &n_centroids) || !bytes_get_f32(rest, &unknown_idf) ||
        !is_plausible(n, n_labels, n_hidden, n_nets, n_centroids, rest->len) ||
        dictionary_decode(rest, n, unknown_idf, &dictionary) != ERR_OK) {
        return ERR_PROTOCOL;
    }
    struct classifier *c = classifier_alloc(dictionary, n_labels, n_hidden, n_nets);
    byte_rows_alloc(&c->svm, n, c->width);
    bool is_ok = byte_rows_decode(rest, &c->svm, n);
    if (is_ok && n_centroids > 0) {
        centroid_alloc(c);
        is_ok = byte_rows_decode(rest, &c->centroid, n) && bytes_get_f32s(rest, c->mass, n);
    }
    for (uint32_t i = 0; i < n_nets && is_ok; i++) {
        struct net *net = &c->nets[i];
        net_alloc(c, i);
        is_ok = byte_rows_decode(rest, &net->in, n) &&
                bytes_get_f32s(rest, net->in_bias, n_hidden) &&
                bytes_get_f32s(rest, net->out, n_hidden * c->width) &&
                bytes_get_f32s(rest, net->out_bias, c->width);
    }
    if (!is_ok) {
        classifier_free(&c);
        return ERR_PROTOCOL;
    }
    *out = c;
    return ERR_OK;
}
