/* The loops that training and prediction spend their time in. Pure, any thread.
 *
 * Results are the same to the last bit on every machine, whatever its vectors are: sums run in 16 fixed lanes that are added in a fixed order, nothing is fused
 * (this file is built with -ffp-contract=off), and the exponential is our own. Lengths are multiples of KERNEL_LANES; pad with zeros. */
#ifndef BOT_KERNELS_H
#define BOT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define KERNEL_LANES 16
#define KERNEL_PADDED(n) (((n) + KERNEL_LANES - 1) / KERNEL_LANES * KERNEL_LANES)

struct kernels {
    void (*axpy)(float *y, const float *x, float a, size_t n);     /* y += a x */
    void (*axpy_i8)(float *y, const int8_t *x, float a, size_t n); /* the same, x in bytes */
    float (*dot)(const float *x, const float *y, size_t n);
    /* Adagrad on one row: g = a x; acc += g^2; w -= rate g / (sqrt(acc) + 1e-6) */
    void (*adagrad)(float *w, float *acc, const float *x, float a, float rate, size_t n);
    /* In place: exp(z_i * scale) / sum over the first `n_used`; the padding becomes 0. */
    void (*softmax)(float *z, float scale, size_t n_used);
};

/* The fastest for this processor. Static tables. */
const struct kernels *kernels_get(void);
/* Without any extension: for tests. */
const struct kernels *kernels_plain(void);

#endif
