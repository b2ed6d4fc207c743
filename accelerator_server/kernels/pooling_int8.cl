// The largest byte stands for the largest number.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(BYTES)))
void NAME(__global const uchar *restrict source, __global uchar *restrict target,
          const int source_height, const int source_width, const int height, const int width,
          const int source_pitch, const int source_plane, const int source_image, const int source_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int size_y, const int size_x, const int stride_y, const int stride_x,
          const int top, const int left)
{
#include "pixel.cl"
#include "pooling_window.cl"
    BYTES largest = (BYTES)(0);
    for (int sy = from_y; sy < to_y; sy++)
        for (int sx = from_x; sx < to_x; sx++)
            largest = max(largest, BYTES_LOAD(source + sy * source_pitch + sx * LANES));
    BYTES_STORE(largest, AT(target));
}
