__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(VEC)))
void NAME(__global const float *restrict source, __global float *restrict target,
          const int source_height, const int source_width, const int height, const int width,
          const int source_pitch, const int source_plane, const int source_image, const int source_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int size_y, const int size_x, const int stride_y, const int stride_x,
          const int top, const int left, const int average, const int counts_pads)
{
#include "pixel.cl"
#include "pooling_window.cl"
    VEC largest = (VEC)(-INFINITY);
    VEC sum = (VEC)(0);
    for (int sy = from_y; sy < to_y; sy++)
        for (int sx = from_x; sx < to_x; sx++) {
            const VEC value = VEC_LOAD(source + sy * source_pitch + sx * LANES);
            sum += value;
            largest = select(largest, value, (value > largest) | isnan(value));
        }
    const int count = counts_pads ? size_y * size_x : (to_y - from_y) * (to_x - from_x);
    VEC_STORE(average ? sum / (VEC)(count) : largest, AT(target));
}
