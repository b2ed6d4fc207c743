// The part of a convolution that all number types share: where an item's tile lies, and its sums over the window.
// The file that includes it says what SOURCE, WEIGHT and SUMS are, how they are loaded, and what STEP source
// values in a row PRODUCTS takes at once. One item: TILE_ROWS x TILE_COLUMNS pixels times TILE_BLOCKS blocks of
// target channels, kept in registers.
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
    __global const SOURCE *from = source + (size_t)image * source_image + source_start
                                  + y * STRIDE_Y * source_pitch + x * STRIDE_X * SOURCE_BLOCK;
    // Values that one row of the window sees lie side by side.
    const int steps = (SIZE_X * SOURCE_BLOCK + STEP - 1) / STEP;
    __global const WEIGHT *w =
        weights + ((size_t)group * source_blocks * SIZE_Y * steps * TILE_BLOCKS * 16 + lane) * STEP;
    SUMS sums[TILE_ROWS * TILE_COLUMNS][TILE_BLOCKS];
#pragma unroll
    for (int pixel = 0; pixel < TILE_ROWS * TILE_COLUMNS; pixel++)
#pragma unroll
        for (int b = 0; b < TILE_BLOCKS; b++)
            sums[pixel][b] = (SUMS)(0);
    for (int block = 0; block < source_blocks; block++) {
        for (int ky = 0; ky < SIZE_Y; ky++) {
            __global const SOURCE *p = from + ky * source_pitch;
#pragma unroll 4
            for (int step = 0; step < steps; step++) {
                SUMS weight[TILE_BLOCKS];
#pragma unroll
                for (int b = 0; b < TILE_BLOCKS; b++)
                    weight[b] = WEIGHT_LOAD(w + b * 16 * STEP);
#pragma unroll
                for (int row = 0; row < TILE_ROWS; row++)
#pragma unroll
                    for (int column = 0; column < TILE_COLUMNS; column++) {
                        const VALUE value = VALUE_LOAD(
                            p + row * STRIDE_Y * source_pitch + column * STRIDE_X * SOURCE_BLOCK + step * STEP);
#pragma unroll
                        for (int b = 0; b < TILE_BLOCKS; b++)
                            PRODUCTS(sums[row * TILE_COLUMNS + column][b], weight[b], value);
                    }
                w += TILE_BLOCKS * 16 * STEP;
            }
        }
        from += source_plane;
    }
