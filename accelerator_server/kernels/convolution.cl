// Written a * b + c, not fma(): PoCL 3.0 makes a function call of fma().
#define SOURCE float
#define WEIGHT float
#define VALUE float
#define SUMS VEC
#define STEP 1
#define WEIGHT_LOAD(p) VEC_LOAD(p)
#define VALUE_LOAD(p) (*(p))
#define PRODUCTS(sum, weight, value) (sum) += (weight) * (value)
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(VEC)))
void NAME(__global const float *restrict source, __global const float *restrict weights,
          __global const float *restrict bias, __global const float *restrict addend,
          __global float *restrict target,
          const int source_blocks, const int height, const int width,
          const int source_pitch, const int source_plane, const int source_image, const int source_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int addend_pitch, const int addend_plane, const int addend_image, const int addend_start,
          const int adds, const int relu)
{
#include "convolution_sums.cl"
    target += (size_t)image * target_image + target_start + y * target_pitch + x * 16 + lane;
    addend += (size_t)image * addend_image + addend_start + y * addend_pitch + x * 16 + lane;
#pragma unroll
    for (int b = 0; b < TILE_BLOCKS; b++) {
        const int target_block = group * TILE_BLOCKS + b;
        const VEC offset = VEC_LOAD(bias + target_block * 16 + lane);
#pragma unroll
        for (int row = 0; row < TILE_ROWS; row++)
#pragma unroll
            for (int column = 0; column < TILE_COLUMNS; column++) {
                VEC value = sums[row * TILE_COLUMNS + column][b] + offset;
                if (adds)
                    value += VEC_LOAD(addend + target_block * addend_plane + row * addend_pitch + column * 16);
                if (relu)
                    value = VEC_RELU(value);
                VEC_STORE(value, target + target_block * target_plane + row * target_pitch + column * 16);
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
