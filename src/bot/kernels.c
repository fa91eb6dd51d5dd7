/* Each loop is written once, as an inlined body, and instantiated for the plain instruction set and for AVX2. Loops over independent elements vectorise without
 * changing a result; reductions are written in lanes, so that the compiler has nothing to reorder. FMA is left out on purpose: it rounds once instead of
 * twice, and another machine would give another model. */
#include "bot/kernels.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE void body_axpy(float *restrict y, const float *restrict x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += a * x[i];
    }
}

INLINE void body_axpy_i8(float *restrict y, const int8_t *restrict x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += a * (float)x[i];
    }
}

/* 16 lanes -> one, always as the same tree. */
INLINE float lanes_sum(const float *lanes)
{
    float eight[8];
    for (int i = 0; i < 8; i++) {
        eight[i] = lanes[i] + lanes[i + 8];
    }
    float four[4];
    for (int i = 0; i < 4; i++) {
        four[i] = eight[i] + eight[i + 4];
    }
    return (four[0] + four[2]) + (four[1] + four[3]);
}

INLINE float body_dot(const float *restrict x, const float *restrict y, size_t n)
{
    float lanes[KERNEL_LANES] = {0};
    for (size_t i = 0; i < n; i += KERNEL_LANES) {
        for (size_t j = 0; j < KERNEL_LANES; j++) {
            lanes[j] += x[i + j] * y[i + j];
        }
    }
    return lanes_sum(lanes);
}

INLINE void body_adagrad(float *restrict w, float *restrict acc, const float *restrict x, float a,
                         float rate, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = a * x[i];
        acc[i] += g * g;
        w[i] -= rate * g / (__builtin_sqrtf(acc[i]) + 1e-6F);
    }
}

/* e^x by splitting off powers of two and a polynomial for the rest: relative error below 2e-7 for x <= 0, 0 below -80. */
INLINE float exp_of(float x)
{
    float clamped = x < -80.0F ? -80.0F : x;
    float n = (clamped * 1.44269504F + 12582912.0F) - 12582912.0F; /* to the nearest whole */
    float r = clamped - n * 0.693359375F;
    r -= n * -2.12194440e-4F;
    float p = 1.9875691500e-4F;
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * r * r + r + 1.0F;
    int32_t bits = ((int32_t)n + 127) * (1 << 23);
    float power;
    memcpy(&power, &bits, sizeof(power));
    return x < -80.0F ? 0.0F : p * power;
}

INLINE void body_softmax(float *restrict z, float scale, size_t n_used)
{
    size_t n = KERNEL_PADDED(n_used);
    float max = z[0];
    for (size_t i = 1; i < n_used; i++) {
        max = z[i] > max ? z[i] : max;
    }
    for (size_t i = n_used; i < n; i++) {
        z[i] = max;
    }
    float lanes[KERNEL_LANES] = {0};
    for (size_t i = 0; i < n; i++) {
        z[i] = exp_of((z[i] - max) * scale);
    }
    for (size_t i = n_used; i < n; i++) {
        z[i] = 0;
    }
    for (size_t i = 0; i < n; i += KERNEL_LANES) {
        for (size_t j = 0; j < KERNEL_LANES; j++) {
            lanes[j] += z[i + j];
        }
    }
    float inverse = 1.0F / lanes_sum(lanes);
    for (size_t i = 0; i < n; i++) {
        z[i] *= inverse;
    }
}

#define INSTANCE(name, target)                                                                     \
    target static void axpy_##name(float *y, const float *x, float a, size_t n)                    \
    {                                                                                              \
        body_axpy(y, x, a, n);                                                                     \
    }                                                                                              \
    target static void axpy_i8_##name(float *y, const int8_t *x, float a, size_t n)                \
    {                                                                                              \
        body_axpy_i8(y, x, a, n);                                                                  \
    }                                                                                              \
    target static float dot_##name(const float *x, const float *y, size_t n)                       \
    {                                                                                              \
        return body_dot(x, y, n);                                                                  \
    }                                                                                              \
    target static void adagrad_##name(float *w, float *acc, const float *x, float a, float rate,   \
                                      size_t n)                                                    \
    {                                                                                              \
        body_adagrad(w, acc, x, a, rate, n);                                                       \
    }                                                                                              \
    target static void softmax_##name(float *z, float scale, size_t n_used)                        \
    {                                                                                              \
        body_softmax(z, scale, n_used);                                                            \
    }                                                                                              \
    static const struct kernels table_##name = {axpy_##name, axpy_i8_##name, dot_##name,           \
                                                adagrad_##name, softmax_##name};

INSTANCE(plain, )
#ifdef __x86_64__
INSTANCE(avx2, __attribute__((target("avx2"))))
#endif

const struct kernels *kernels_plain(void)
{
    return &table_plain;
}

const struct kernels *kernels_get(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        return &table_avx2;
    }
#endif
    return &table_plain;
}
