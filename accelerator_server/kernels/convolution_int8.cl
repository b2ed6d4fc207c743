// Quantised: products of bytes are summed as integers, and the sum becomes a byte as in ONNX
// QuantizeLinear(relu(DequantizeLinear(sum) + bias)). The pads of the source hold its zero point, and
// `correction` takes the zero point's share out of the sum. scale and bias are over the target's scale.
#define SOURCE uchar
#define WEIGHT char
#define VALUE int
#define SUMS INTS
#if DOTS
// Four products to a sum with one instruction of x86, which OpenCL C has no vector form of. `r` is for the
// front end, which knows no registers of the CPU's.
#define STEP 4
#define WEIGHT_LOAD(p) INTS_LOAD((__global const int *)(p))
#define VALUE_LOAD(p) as_int(vload4(0, p))
#define PRODUCTS(sum, weight, value) \
    __asm__("vpdpbusd %2, %1, %0" : "+r,v"(sum) : "r,v"((INTS)(value)), "r,v"(weight))
#else
#define STEP 1
#define WEIGHT_LOAD(p) SIGNED_LOAD(p)
#define VALUE_LOAD(p) (*(p))
#define PRODUCTS(sum, weight, value) (sum) += (weight) * (value)
#endif
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(INTS)))
void NAME(__global const uchar *restrict source, __global const char *restrict weights,
          __global const int *restrict correction, __global const float *restrict scale,
          __global const float *restrict bias, __global uchar *restrict target,
          const int source_blocks, const int height, const int width,
          const int source_pitch, const int source_plane, const int source_image, const int source_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int target_zero, const int relu)
{
#include "convolution_sums.cl"
    target += (size_t)image * target_image + target_start + y * target_pitch + x * 16 + lane;
#pragma unroll
    for (int b = 0; b < TILE_BLOCKS; b++) {
        const int target_block = group * TILE_BLOCKS + b;
        const INTS shift = INTS_LOAD(correction + target_block * 16 + lane);
        const VEC factor = VEC_LOAD(scale + target_block * 16 + lane);
        const VEC offset = VEC_LOAD(bias + target_block * 16 + lane);
#pragma unroll
        for (int row = 0; row < TILE_ROWS; row++)
#pragma unroll
            for (int column = 0; column < TILE_COLUMNS; column++) {
                VEC value = TO_FLOATS(sums[row * TILE_COLUMNS + column][b] + shift) * factor + offset;
                if (relu)
                    value = VEC_RELU(value);
                BYTES_STORE(ROUNDED(value, target_zero),
                            target + target_block * target_plane + row * target_pitch + column * 16);
            }
    }
}
#undef SOURCE
#undef WEIGHT
#undef VALUE
#undef SUMS
#undef STEP
#undef WEIGHT_LOAD
#undef VALUE_LOAD
#undef PRODUCTS
