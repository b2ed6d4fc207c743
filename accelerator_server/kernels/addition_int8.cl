// Quantised: the sum of two dequantised maps, quantised. scales: of the first and the second over the target's.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(VEC)))
void NAME(__global const uchar *restrict first, __global const uchar *restrict second,
          __global const float *restrict scales, __global uchar *restrict target,
          const int height, const int width,
          const int first_pitch, const int first_plane, const int first_image, const int first_start,
          const int second_pitch, const int second_plane, const int second_image, const int second_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int first_zero, const int second_zero, const int target_zero, const int relu)
{
#include "pixel.cl"
    const VEC one = TO_FLOATS(BYTES_LOAD(AT(first))) - (VEC)(first_zero);
    const VEC other = TO_FLOATS(BYTES_LOAD(AT(second))) - (VEC)(second_zero);
    VEC value = one * (VEC)(scales[0]) + other * (VEC)(scales[1]);
    if (relu)
        value = VEC_RELU(value);
    BYTES_STORE(ROUNDED(value, target_zero), AT(target));
}
