// Quantised: products of bytes are summed as integers, and the sum becomes a byte as in ONNX
// QuantizeLinear(relu(DequantizeLinear(sum) + bias)). The pads of the source hold its zero point, and
// `correction` takes the zero point's share out of the sum.
// One item: TILE_ROWS x TILE_COLUMNS pixels times TILE_BLOCKS blocks of target channels, kept in registers.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(INTS)))
void NAME(__global const uchar *restrict source, __global const char *restrict weights,
          __global const int *restrict correction, __global const float *restrict scale,
          __global const float *restrict bias, __global const float *restrict target_scale,
          __global uchar *restrict target,
          const int source_blocks, const int height, const int width,
          const int source_pitch, const int source_plane, const int source_image, const int source_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int target_zero, const int relu)
{
    const int across = (width + TILE_COLUMNS - 1) / TILE_COLUMNS;
    const int down = (height + TILE_ROWS - 1) / TILE_ROWS;
    const int tile = get_global_id(0) / (16 / LANES);
    const int lane = get_global_id(0) % (16 / LANES) * LANES;
    const int group = get_global_id(1);
    const int image = get_global_id(2);
    if (tile >= across * down)
        return;
    // The last tile of a line overlaps the one before it: both write the same values.
    const int x = min(tile % across * TILE_COLUMNS, width - TILE_COLUMNS);
    const int y = min(tile / across * TILE_ROWS, height - TILE_ROWS);
    __global const uchar *from = source + (size_t)image * source_image + source_start
                                 + y * STRIDE_Y * source_pitch + x * STRIDE_X * SOURCE_BLOCK;
    __global const char *w = weights
                              + (size_t)group * source_blocks * (SIZE_Y * SIZE_X * SOURCE_BLOCK * TILE_BLOCKS * 16)
                              + lane;
    INTS sums[TILE_ROWS * TILE_COLUMNS][TILE_BLOCKS];
#pragma unroll
    for (int pixel = 0; pixel < TILE_ROWS * TILE_COLUMNS; pixel++)
#pragma unroll
        for (int b = 0; b < TILE_BLOCKS; b++)
            sums[pixel][b] = (INTS)(0);
    for (int block = 0; block < source_blocks; block++) {
        for (int ky = 0; ky < SIZE_Y; ky++) {
            for (int kx = 0; kx < SIZE_X; kx++) {
                __global const uchar *p = from + ky * source_pitch + kx * SOURCE_BLOCK;
#pragma unroll 4
                for (int c = 0; c < SOURCE_BLOCK; c++) {
                    INTS weight[TILE_BLOCKS];
#pragma unroll
                    for (int b = 0; b < TILE_BLOCKS; b++)
                        weight[b] = SIGNED_LOAD(w + b * 16);
#pragma unroll
                    for (int row = 0; row < TILE_ROWS; row++)
#pragma unroll
                        for (int column = 0; column < TILE_COLUMNS; column++) {
                            const int value =
                                p[row * STRIDE_Y * source_pitch + column * STRIDE_X * SOURCE_BLOCK + c];
#pragma unroll
                            for (int b = 0; b < TILE_BLOCKS; b++)
                                sums[row * TILE_COLUMNS + column][b] += weight[b] * value;
                        }
                    w += TILE_BLOCKS * 16;
                }
            }
        }
        from += source_plane;
    }
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
                BYTES_STORE(QUANTISED(value, *target_scale, target_zero),
                            target + target_block * target_plane + row * target_pitch + column * 16);
            }
    }
}
